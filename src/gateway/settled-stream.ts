/** A stream whose end is recorded exactly once, before its last byte leaves. */
import { errorBody, type GatewayError, toGatewayError } from '../errors.ts';
import type { StreamBody, StreamTally } from './call.ts';

export type Ending =
  | { readonly status: 'ok' }
  | { readonly status: 'aborted' }
  | { readonly status: 'failed'; readonly error: GatewayError };

const encoder = new TextEncoder();
const DONE = encoder.encode('data: [DONE]\n\n');

export class SettledStream implements StreamBody {
  readonly #body: StreamBody;
  readonly #onEnd: (ending: Ending) => void;
  #ended = false;

  constructor(body: StreamBody, onEnd: (ending: Ending) => void) {
    this.#body = body;
    this.#onEnd = onEnd;
  }

  get tally(): StreamTally {
    return this.#body.tally;
  }

  /** After the upstream's own end the `[DONE]` is sent; after a failure an error event is, and no `[DONE]`. */
  async next(): Promise<Uint8Array | undefined> {
    if (this.#ended) return undefined;
    try {
      const bytes = await this.#body.next();
      if (bytes) return bytes;
      this.#end({ status: 'ok' });
      return DONE;
    } catch (thrown) {
      if (this.#ended) return undefined;
      const error = toGatewayError(thrown);
      this.#body.cancel();
      if (error.kind === 'client_closed') {
        this.#end({ status: 'aborted' });
        return undefined;
      }
      this.#end({ status: 'failed', error });
      return encoder.encode(`data: ${JSON.stringify(errorBody(error))}\n\n`);
    }
  }

  /** The client left. */
  cancel(): void {
    if (this.#ended) return;
    this.#body.cancel();
    this.#end({ status: 'aborted' });
  }

  #end(ending: Ending): void {
    this.#ended = true;
    this.#onEnd(ending);
  }
}
