/** One contestant of a run: something that listens, forwards to the mock, and can be charged for its CPU time. */
import type { Started } from '../processes.ts';

export interface ArmPlace {
  core: number;
  /** Temporary folder of this arm, removed after the run. */
  folder: string;
  logFile: string;
  mockPort: number;
  /** Checkout of Tollgate. */
  root: string;
  note(text: string): void;
}

export interface Arm {
  name: string;
  port: number;
  headers: Record<string, string>;
  /** Undefined for `direct`: nothing stands in between. */
  process: Started | undefined;
  warmUpMs: number;
  /** Called after the arm was stopped, with the number of requests it answered: what it promises about them. */
  verify?: (answered: number) => string;
}

/** Why an arm takes no part; the run goes on without it. */
export class ArmUnavailable extends Error {}
