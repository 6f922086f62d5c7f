/** Requests of the management API with the whole answer to each, written out: what `shapes.test.ts` plays. */
import type { AdminSettings } from '../../src/admin/context.ts';
import type { LedgerRow } from '../../src/db/request-row.ts';

export interface Step {
  /** What it shows. */
  readonly says: string;
  /** Method and path. A `$NAME` here, in `body` and in `as` stands for what a step before has kept under that name. */
  readonly send: string;
  readonly body?: unknown;
  /** Key that asks; without one the master key. */
  readonly as?: string;
  /** 200 unless it says otherwise. */
  readonly status?: number;
  /** Of `x-tollgate-warning`; without one there must be none. */
  readonly warning?: string;
  /**
   * All of it. Kept values stand here by their names, digests, ids and secrets that nobody has kept as `$hash`, `$id` and
   * `$secret`; times as they are, for the clock stands still.
   */
  readonly answer: unknown;
  /** Name → where in the answer, such as `data.model_id`. */
  readonly keep?: Readonly<Record<string, string>>;
}

/** Steps that build on each other, over a gateway of their own. */
export interface Shapes {
  readonly noun: string;
  /** Sections of the configuration file. */
  readonly configuration?: object;
  readonly settings?: Partial<AdminSettings>;
  /** Values that stand in answers by these names, as if a step had kept them. */
  readonly names?: Readonly<Record<string, string>>;
  /** Of the request log. */
  readonly rows?: readonly Partial<LedgerRow>[];
  readonly steps: readonly Step[];
}

type Refusal = Required<Pick<Step, 'status' | 'answer'>>;

/** How a request that cannot be meant is answered: OpenAI's error, whole, with the code as a text as LiteLLM has it. */
export const refused = (param: string, message: string): Refusal => ({
  status: 400,
  answer: { error: { message, type: 'invalid_request_error', param, code: '400' } },
});

/** How one about a thing that is not there is, or not the caller's. */
export const unknown = (param: string, message: string): Refusal => ({
  status: 404,
  answer: { error: { message, type: 'not_found_error', param, code: '404' } },
});
