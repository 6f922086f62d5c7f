/** A marked secret in every input: none of them shows in what the program prints, answers to others or leaves on disk. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deployment, type Gateway, startGateway } from '../support/gateway.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

let serial = 0;
/** Long, random and found again by its name when it turns up where it must not. */
const canary = (name: string): string => `${name}-canary-${crypto.randomUUID().replaceAll('-', '')}${serial++}`;

const secrets = {
  masterKey: `sk-${canary('master')}`,
  providerKey: `sk-${canary('provider')}`,
  saltKey: canary('salt'),
  unknownKey: `sk-${canary('unknown')}`,
  extraHeader: canary('extra-header'),
  virtualKey: '',
};
const said = {
  prompt: canary('prompt'),
  system: canary('system'),
  toolArgument: canary('tool'),
  answer: canary('answer'),
  upstreamError: canary('upstream-error'),
  metadata: canary('metadata'),
  headerMetadata: canary('header-metadata'),
  header: canary('header'),
  query: canary('query'),
  path: canary('path'),
  model: canary('model'),
  malformed: canary('malformed'),
  parameter: canary('parameter'),
  image: canary('image'),
};

let upstream: Upstream;
let gateway: Gateway;
/** Everything that was answered to the client. */
let answers = '';

beforeAll(async () => {
  upstream = await startUpstream(({ body }) => {
    const model = String(body['model']);
    if (model === 'failing') {
      const text = `Incorrect API key provided: ${secrets.providerKey}. ${said.upstreamError}`;
      return {
        status: 401,
        body: { error: { message: text, type: 'invalid_request_error', code: 'invalid_api_key' } },
      };
    }
    if (model === 'html') return { status: 500, body: `<p>${secrets.providerKey} ${said.upstreamError}</p>` };
    if (model === 'garbage') return { body: `{"oops": "${said.answer}` };
    if (model === 'cut') return { content: `a b c ${said.answer} d e`, cut: { after: 4, how: 'reset' } };
    return { content: said.answer };
  });
  const models = ['m', 'failing', 'html', 'garbage', 'cut'];
  gateway = await startGateway({
    config: {
      model_list: [
        ...models.map((name) =>
          deployment(upstream, name, {
            api_key: 'os.environ/CANARY_PROVIDER_KEY',
            extra_headers: { 'x-secret': 'os.environ/CANARY_HEADER' },
          }),
        ),
        deployment(upstream, 'nowhere', {
          api_base: 'http://127.0.0.1:1/v1',
          api_key: 'os.environ/CANARY_PROVIDER_KEY',
        }),
      ],
      router_settings: { num_retries: 0 },
    },
    env: {
      LITELLM_MASTER_KEY: secrets.masterKey,
      LITELLM_SALT_KEY: secrets.saltKey,
      LITELLM_LOG: 'DEBUG',
      CANARY_PROVIDER_KEY: secrets.providerKey,
      CANARY_HEADER: secrets.extraHeader,
    },
  });
  const made = await gateway.post('/key/generate', { key_alias: 'canary' });
  expect(made.status).toBe(200);
  secrets.virtualKey = ((await made.json()) as { key: string }).key;
  await sendEverything();
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

async function sendEverything(): Promise<void> {
  const messages = [
    { role: 'system', content: said.system },
    {
      role: 'user',
      content: [
        { type: 'text', text: said.prompt },
        { type: 'image_url', image_url: { url: `data:image/png;base64,${said.image}` } },
      ],
    },
    {
      role: 'assistant',
      content: null,
      tool_calls: [
        { id: 'c', type: 'function', function: { name: 'f', arguments: JSON.stringify({ a: said.toolArgument }) } },
      ],
    },
    { role: 'tool', tool_call_id: 'c', content: said.toolArgument },
  ];
  const marked = {
    'x-litellm-metadata': JSON.stringify({ note: said.headerMetadata }),
    'x-custom': said.header,
    'user-agent': said.header,
    cookie: `session=${said.header}`,
    'x-litellm-call-id': said.header,
  };
  const keys = [secrets.masterKey, secrets.virtualKey, secrets.unknownKey];
  for (const key of keys) {
    for (const model of ['m', 'failing', 'html', 'garbage', 'cut', 'nowhere', said.model]) {
      for (const stream of [false, true]) {
        const body = {
          model,
          stream,
          messages,
          metadata: { note: said.metadata },
          user: said.metadata,
          made_up: said.parameter,
        };
        await note(
          gateway.ask(body, { ...marked, authorization: `Bearer ${key}` }, `/v1/chat/completions?q=${said.query}`),
        );
      }
    }
    const authorization = `Bearer ${key}`;
    await note(gateway.ask(`{"model": "${said.malformed}`, { authorization }));
    await note(gateway.ask({ model: 'm', messages: [{ role: said.malformed, content: 1 }] }, { authorization }));
    await note(gateway.ask({ model: 'm', messages, api_base: `http://${said.malformed}.example` }, { authorization }));
    await note(gateway.ask({ model: 'm', messages }, { authorization, 'x-litellm-metadata': said.malformed }));
    await note(gateway.get(`/nowhere/${said.path}?key=${key}`, { authorization }));
    // Its answer repeats the key that it was asked about, as LiteLLM's does.
    await gateway.get(`/key/info?key=${encodeURIComponent(secrets.virtualKey)}`, { authorization });
    await note(
      gateway.post(
        '/key/generate',
        { metadata: { note: said.metadata }, nonsense: said.parameter, duration: said.malformed },
        { authorization },
      ),
    );
    await note(gateway.get('/v1/models', { authorization }));
  }
  await note(
    gateway.ask({ model: 'm', messages }, { authorization: secrets.unknownKey, 'api-key': secrets.unknownKey }),
  );
}

async function note(pending: Promise<Response>): Promise<void> {
  const answer = await pending;
  answers += JSON.stringify([...answer.headers]) + (await answer.text());
}

/** As it is, and as it would look when encoded or cut. */
function forms(secret: string): Record<string, string> {
  const bytes = Buffer.from(secret);
  return {
    plain: secret,
    base64: bytes.toString('base64').replace(/=+$/, '').slice(0, -2),
    hex: bytes.toString('hex'),
    url: encodeURIComponent(secret),
    'last twelve characters': secret.slice(-12),
  };
}

function expectHidden(where: string, text: string, names: Readonly<Record<string, string>>): void {
  const hits = Object.entries(names).flatMap(([name, secret]) =>
    Object.entries(forms(secret)).flatMap(([form, look]) =>
      text.includes(look) ? [`${name} (${form}) in ${where}`] : [],
    ),
  );
  expect(hits).toEqual([]);
}

describe('at debug level', () => {
  test('nothing that was sent or configured is printed', () => {
    // The test would be worth nothing if nothing had been answered.
    expect(answers).toContain(said.answer);
    expect(gateway.logs().length).toBeGreaterThan(100);
    expectHidden('the output', gateway.logs(), { ...secrets, ...said });
  });

  test('no answer holds a key', () => {
    const { virtualKey, ...hidden } = secrets;
    expectHidden('an answer', answers, hidden);
    // A key is shown once, by the answer that made it, which is not among these.
    expect(answers.includes(virtualKey)).toBe(false);
  });

  test('the keys arrive where they belong, and nowhere else', () => {
    expect(upstream.requests.length).toBeGreaterThan(10);
    for (const { headers, text } of upstream.requests) {
      expect(headers['authorization']).toBe(`Bearer ${secrets.providerKey}`);
      const { providerKey, extraHeader, ...ours } = secrets;
      expectHidden('a request to the upstream', JSON.stringify(headers) + text, ours);
      expect([providerKey, extraHeader]).not.toContain('');
      expectHidden('the headers to the upstream', JSON.stringify(headers), { header: said.header, query: said.query });
    }
  });

  test('the database and the journal hold digests of keys and no words of a conversation', async () => {
    await gateway.rows('', 30);
    const { prompt, system, toolArgument, answer, image, malformed } = said;
    for (const file of filesIn(join(gateway.folder, 'data'))) {
      const hidden = { ...secrets, prompt, system, toolArgument, answer, image, malformed };
      expectHidden(file, readFileSync(file, 'latin1'), hidden);
    }
  });

  test('the program stops cleanly, and its last words are clean too', async () => {
    expect(await gateway.kill('SIGTERM')).toBe(0);
    expectHidden('the output', gateway.logs(), { ...secrets, ...said });
  });
});

function filesIn(folder: string): string[] {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  expect(found.length).toBeGreaterThan(1);
  return found;
}
