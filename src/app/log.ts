/** The program's own log: JSON lines, or plain text on a terminal. It is given messages and named fields, never bodies or headers. */
import pino from 'pino';

export type Fields = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

export interface LogOptions {
  readonly level: string;
  /** Plain text for people instead of JSON lines. */
  readonly human: boolean;
  write(line: string): void;
}

export function createLog(options: LogOptions): Log {
  const { level, human, write } = options;
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => write(human ? humanLine(line) : line) },
  );
  return {
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
  };
}

function humanLine(line: string): string {
  // Our own logger wrote the line.
  const { level, time, msg, ...fields } = JSON.parse(line) as { level: string; time: string; msg: string };
  const details = Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`);
  const mark = level === 'info' ? '' : `${level.toUpperCase()} `;
  return `${[`${time.slice(11, 19)} ${mark}${msg}`, ...details].join('  ')}\n`;
}

/** What may be said of an unforeseen error: its class, message and place. Messages of ours never quote input. */
export function errorFields(error: unknown): Fields {
  if (!(error instanceof Error)) return { error: typeof error };
  const place =
    error.stack
      ?.split('\n')
      .slice(1, 4)
      .map((line) => line.trim()) ?? [];
  return { error: error.name, reason: error.message, place };
}
