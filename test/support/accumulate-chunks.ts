/** What a client has after some chunks, joined as the official SDKs join them: texts are appended, whatever they are. */
import type { ChatChunk } from '../../src/wire/openai.ts';

export interface AccumulatedCall {
  id: string;
  type: string;
  name: string;
  arguments: string;
}

export class Accumulated {
  role = '';
  content = '';
  reasoning = '';
  finish: string | null = null;
  readonly calls: AccumulatedCall[] = [];
  usage: unknown;
  readonly ids = new Set<string>();

  add(chunk: ChatChunk): this {
    this.ids.add(chunk.id);
    this.usage = chunk.usage ?? this.usage;
    for (const { delta, finish_reason } of chunk.choices) {
      this.role += delta.role ?? '';
      this.content += textOr(delta.content);
      this.reasoning += textOr(delta['reasoning_content']);
      this.finish = finish_reason ?? this.finish;
      const pieces = delta['tool_calls'];
      if (Array.isArray(pieces)) for (const piece of pieces) this.#addPiece(piece);
    }
    return this;
  }

  #addPiece(piece: {
    index: number;
    id?: string;
    type?: string;
    function?: { name?: string; arguments?: string };
  }): void {
    this.calls[piece.index] ??= { id: '', type: '', name: '', arguments: '' };
    const call = this.calls[piece.index];
    if (!call) return;
    call.id += piece.id ?? '';
    call.type = piece.type ?? call.type;
    call.name += piece.function?.name ?? '';
    call.arguments += piece.function?.arguments ?? '';
  }
}

const textOr = (value: unknown): string => (typeof value === 'string' ? value : '');

export const accumulate = (chunks: readonly ChatChunk[]): Accumulated =>
  chunks.reduce((all, chunk) => all.add(chunk), new Accumulated());
