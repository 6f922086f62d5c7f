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
    let bytes: Uint8Array | undefined;
    try {
      bytes = await this.#body.next();
    } catch (thrown) {
      return this.#failed(toGatewayError(thrown));
    }
    return bytes ?? this.#last({ status: 'ok' }, DONE);
  }

  /** The client left. */
  cancel(): void {
    if (this.#ended) return;
    this.#body.cancel();
    this.#last({ status: 'aborted' }, undefined);
  }

  #failed(error: GatewayError): Uint8Array | undefined {
    this.#body.cancel();
    if (error.kind === 'client_closed') return this.#last({ status: 'aborted' }, undefined);
    return this.#last({ status: 'failed', error }, errorEvent(error));
  }

  /** Records the end, once; an answer whose end could not be recorded must not look whole. */
  #last(ending: Ending, bytes: Uint8Array | undefined): Uint8Array | undefined {
    if (this.#ended) return undefined;
    this.#ended = true;
    try {
      this.#onEnd(ending);
      return bytes;
    } catch (unwritten) {
      return errorEvent(toGatewayError(unwritten));
    }
  }
}

const errorEvent = (error: GatewayError): Uint8Array => encoder.encode(`data: ${JSON.stringify(errorBody(error))}\n\n`);
