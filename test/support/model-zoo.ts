/** A gateway before a fake upstream whose behaviour goes by the name of the model: what most client tests need. */
import { deployment, type Gateway, startGateway } from './gateway.ts';
import { type Behaviour, startUpstream, type Upstream } from './upstream.ts';

const ANIMALS: Readonly<Record<string, Behaviour>> = {
  'gpt-4': {},
  busy: { status: 429, headers: { 'retry-after': '3' } },
  down: { status: 503 },
  refusing: {
    status: 400,
    body: { error: { message: 'top_p is out of range', type: 'invalid_request_error', param: 'top_p', code: null } },
  },
  cut: { cut: { after: 5, how: 'reset' } },
  'error-event': {
    // Apart in time, so that the answer has begun when the error comes.
    paceMs: 15,
    edit: (events) => [
      ...events.slice(0, 4),
      JSON.stringify({ error: { message: 'The server had an error', type: 'server_error', param: null, code: null } }),
    ],
  },
};

export interface Zoo {
  readonly gateway: Gateway;
  readonly upstream: Upstream;
  /** A key that may use only the model `busy`. */
  readonly narrowKey: string;
  close(): Promise<void>;
}

export async function openZoo(settings: object = {}): Promise<Zoo> {
  const upstream = await startUpstream(({ body }) => ANIMALS[String(body['model'])] ?? {});
  const gateway = await startGateway({
    config: {
      model_list: Object.keys(ANIMALS).map((name) => deployment(upstream, name)),
      router_settings: { num_retries: 0 },
      ...settings,
    },
  });
  const made = await gateway.post('/key/generate', { models: ['busy'] });
  if (!made.ok) throw new Error(`No key was made: ${await made.text()}`);
  const { key } = (await made.json()) as { key: string };
  return {
    gateway,
    upstream,
    narrowKey: key,
    async close() {
      await gateway.stop();
      await upstream.stop();
    },
  };
}

export const COUNT = '1, 2, 3, 4, 5, 6, 7, 8, 9, 10';
