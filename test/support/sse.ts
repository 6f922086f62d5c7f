/** Reading server-sent events as a client sees them. */

export interface Streamed {
  /** `data` of each event, in order. */
  readonly data: string[];
  /** Those that are JSON, parsed. */
  readonly chunks: Chunk[];
  /** All content deltas, joined. */
  readonly content: string;
  readonly isDone: boolean;
  readonly error: Record<string, unknown> | undefined;
  readonly finishReasons: string[];
  readonly usages: Record<string, unknown>[];
}

/** A chunk as far as tests look into it. */
export interface Chunk {
  readonly id?: string;
  readonly object?: string;
  readonly model?: string;
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string | null; readonly tool_calls?: readonly object[] };
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: Record<string, unknown> | null;
  readonly error?: Record<string, unknown>;
}

export async function streamed(response: Response): Promise<Streamed> {
  return readEvents(await response.text());
}

export function readEvents(text: string): Streamed {
  const data = text
    .split(/\r?\n\r?\n/)
    .filter((event) => event.startsWith('data:'))
    .map((event) => event.replace(/^data: ?/, ''));
  const chunks = data.filter((item) => item !== '[DONE]').map((item) => JSON.parse(item) as Chunk); // Tests look on.
  const choices = chunks.flatMap((chunk) => chunk.choices ?? []);
  return {
    data,
    chunks,
    content: choices.map((choice) => choice.delta?.content ?? '').join(''),
    isDone: data.at(-1) === '[DONE]',
    error: chunks.find((chunk) => chunk.error)?.error,
    finishReasons: choices.flatMap((choice) => (choice.finish_reason ? [choice.finish_reason] : [])),
    usages: chunks.flatMap((chunk) => (chunk.usage ? [chunk.usage] : [])),
  };
}
