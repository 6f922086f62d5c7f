/**
 * Sends copies of requests to other groups in the background and throws their answers away. A copy is a call of its own
 * with a row of its own, and nothing that becomes of it reaches the client of the original.
 */
import { GatewayError } from '../errors.ts';
import type { Target } from '../providers/adapter.ts';
import type { Call, HeaderBag } from './call.ts';
import type { Incoming } from './new-call.ts';
import type { ParsedChat } from './parse-chat-request.ts';
import { type Answer, Pipeline, type PipelineParts } from './pipeline.ts';
import { Presence } from './presence.ts';

export interface MirrorsParts {
  /** Without authentication and parsing: the original has been through both. Without mirroring: a copy has no copies. */
  readonly pipeline: Omit<PipelineParts, 'authenticate' | 'parse'>;
  /** What stands for the route in a copy's row. */
  readonly route: string;
  /** Groups that get a copy of what the deployment has answered. */
  groupsFor(target: Target): readonly string[];
  /** Their budget is spent. */
  isSpent(): boolean;
  newId(): string;
  dropped(reason: DropReason): void;
}

/** `refused`: by a limit, before anybody was asked. */
export type DropReason = 'budget' | 'too_many' | 'refused';

/** More would be a second load of its own. */
const MOST_AT_ONCE = 32;
/** Those of the original that would make its copy look like it, or a rehearsal. */
const NOT_COPIED: ReadonlySet<string> = new Set(['x-litellm-call-id', 'x-tollgate-explain']);

export class Mirrors {
  readonly #parts: MirrorsParts;
  readonly #running = new Map<Presence, Promise<void>>();
  #stopped = false;

  constructor(parts: MirrorsParts) {
    this.#parts = parts;
  }

  /** Returns at once; the copies start after whatever happens now. */
  start(call: Call, target: Target): void {
    for (const group of this.#parts.groupsFor(target)) setImmediate(() => this.#copy(call, group));
  }

  /** Cancels those under way, and waits until their rows are written. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const running = [...this.#running];
    for (const [client] of running) client.leave();
    await Promise.all(running.map(([, ended]) => ended));
  }

  #copy(call: Call, group: string): void {
    if (this.#stopped) return;
    const reason = this.#reasonToDrop();
    if (reason !== undefined) {
      this.#parts.dropped(reason);
      return;
    }
    const client = new Presence();
    const ended = this.#run(call, group, client).finally(() => this.#running.delete(client));
    this.#running.set(client, ended);
  }

  #reasonToDrop(): DropReason | undefined {
    if (this.#parts.isSpent()) return 'budget';
    return this.#running.size < MOST_AT_ONCE ? undefined : 'too_many';
  }

  async #run(call: Call, group: string, client: Presence): Promise<void> {
    const pipeline = new Pipeline({
      ...this.#parts.pipeline,
      authenticate() {
        if (!call.caller) throw new GatewayError('internal', 'Internal server error');
        return call.caller;
      },
      parse: () => copyOf(call, group),
    });
    const answer = await pipeline.handle(this.#incoming(call, client));
    if ('error' in answer && answer.call.attempts.length === 0) this.#parts.dropped('refused');
    await finished(answer, client);
  }

  #incoming(call: Call, client: Presence): Incoming {
    const { apiVersion, clientIp } = call;
    const { newId, route } = this.#parts;
    const readBody = async (): Promise<Uint8Array> => new Uint8Array();
    return {
      id: newId(),
      route,
      pathModel: undefined,
      apiVersion,
      headers: headersOf(call),
      clientIp,
      client,
      readBody,
    };
  }
}

const headersOf = ({ headers }: Call): HeaderBag =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !NOT_COPIED.has(name)));

/** One attempt at the group and nothing else; a provider's key that came with the request was for another provider. */
function copyOf(call: Call, group: string): ParsedChat {
  const { request, text, gatewayKeys, controls, dropParams, additionalDropParams, allowedParams } = call;
  return {
    requestedModel: group,
    request,
    text,
    gatewayKeys,
    dropParams,
    additionalDropParams,
    allowedParams,
    controls: {
      ...controls,
      metadata: { ...controls.metadata, mirror_of: call.callId },
      numRetries: 0,
      fallbacks: undefined,
      disableFallbacks: true,
      mockResponse: undefined,
      mockTimeout: false,
      mockDelayMs: 0,
      apiKey: undefined,
    },
  };
}

/** A stream has ended when it has been read; whoever cancels it would end it too, so it is read to the end. */
async function finished(answer: Answer, client: Presence): Promise<void> {
  if ('error' in answer || answer.reply.kind !== 'stream') return;
  const { body } = answer.reply;
  for (let bytes = await body.next(); bytes !== undefined; bytes = await body.next()) {
    if (client.gone) body.cancel();
  }
}
