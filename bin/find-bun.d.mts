export interface Machine {
  /** `process.platform` */
  readonly platform: string;
  /** `process.arch` */
  readonly arch: string;
  /** False on Linux with musl. */
  readonly glibc: boolean;
}

export function thisMachine(): Machine;
export function bunPackages(machine: Machine): string[];
export function findBun(from?: string, machine?: Machine): string | undefined;
export function noBunMessage(machine?: Machine): string;
