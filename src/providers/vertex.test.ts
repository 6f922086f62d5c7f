import { describe, expect, test } from 'bun:test';
import { GoogleGenAI } from '@google/genai';
import { PRIVATE_KEY, serviceAccount } from '../../test/support/google-tokens.ts';
import { API_KEY, type Asking, ask, targetOf } from '../../test/support/provider-parts.ts';
import { fixture } from '../../test/support/recordings.ts';
import type { GatewayError } from '../errors.ts';
import { loadCatalog } from '../pricing/catalog.ts';
import type { Target } from './adapter.ts';
import { resolveModel } from './registry.ts';
import { upstreamError } from './upstream-error.ts';
import { vertexAi, vertexAiBeta } from './vertex.ts';

const PLACE = { vertex_project: 'project-1', vertex_location: 'europe-west4' };

/** As the configuration makes it. */
function target(model: string, params: Readonly<Record<string, unknown>> = PLACE, over: Partial<Target> = {}): Target {
  const settings = vertexAi.parseSettings?.(params);
  const baseUrl = over.baseUrl ?? vertexAi.baseUrlOf?.(settings, model) ?? '';
  return targetOf(`vertex_ai/${model}`, { apiKey: undefined, settings, baseUrl, ...over });
}

const asked = (
  model: string,
  asking: Asking = {},
  params?: Readonly<Record<string, unknown>>,
  over?: Partial<Target>,
) => ask(target(model, params, over), asking);

const urlOf = (model: string, params?: Readonly<Record<string, unknown>>, over?: Partial<Target>): string =>
  asked(model, {}, params, over).url;

const STREAM = { body: { stream: true } };
const HOST = 'https://europe-west4-aiplatform.googleapis.com';
const AT = `${HOST}/v1/projects/project-1/locations/europe-west4`;

describe('the address', () => {
  test.each([
    ['gemini-2.5-flash', `${AT}/publishers/google/models/gemini-2.5-flash:generateContent`],
    ['google/gemini-2.5-pro', `${AT}/publishers/google/models/gemini-2.5-pro:generateContent`],
    ['publishers/google/models/gemini-2.5-pro', `${AT}/publishers/google/models/gemini-2.5-pro:generateContent`],
    ['models/gemini-2.5-pro', `${AT}/publishers/google/models/gemini-2.5-pro:generateContent`],
    ['gemini/gemini-2.5-pro', `${AT}/publishers/google/models/gemini-2.5-pro:generateContent`],
    ['gemma-4-26b-a4b-it', `${AT}/publishers/google/models/gemma-4-26b-a4b-it:generateContent`],
    ['4965075652664360960', `${AT}/endpoints/4965075652664360960:generateContent`],
    ['endpoints/4965075652664360960', `${AT}/endpoints/4965075652664360960:generateContent`],
    ['gemini/4965075652664360960', `${AT}/endpoints/4965075652664360960:generateContent`],
    [
      'projects/2/locations/us-east1/endpoints/3',
      `${HOST}/v1/projects/2/locations/us-east1/endpoints/3:generateContent`,
    ],
    ['claude-sonnet-4-5@20250929', `${AT}/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict`],
    ['anthropic/claude-opus-4-7', `${AT}/publishers/anthropic/models/claude-opus-4-7:rawPredict`],
    ['mistral-large@2411-001', `${AT}/publishers/mistralai/models/mistral-large@2411-001:rawPredict`],
    ['mistralai/mistral-medium-3@001', `${AT}/publishers/mistralai/models/mistral-medium-3@001:rawPredict`],
    ['codestral-2501', `${AT}/publishers/mistralai/models/codestral-2501:rawPredict`],
    ['jamba-1.5-large@001', `${AT.replace('/v1/', '/v1beta1/')}/publishers/ai21/models/jamba-1.5-large@001:rawPredict`],
    ['meta/llama-4-maverick-17b-128e-instruct-maas', `${AT}/endpoints/openapi/chat/completions`],
    ['openai/gpt-oss-120b-maas', `${AT}/endpoints/openapi/chat/completions`],
    ['xai/grok-4.3', `${AT}/endpoints/openapi/chat/completions`],
    ['moonshotai/kimi-k2-thinking-maas', `${AT}/endpoints/openapi/chat/completions`],
    ['openai/5464397967697903616', `${AT.replace('/v1/', '/v1beta1/')}/endpoints/5464397967697903616/chat/completions`],
  ])('of %s is %s', (model, url) => {
    expect(urlOf(model)).toBe(url);
    const streamed = url
      .replace(':generateContent', ':streamGenerateContent?alt=sse')
      .replace(':rawPredict', ':streamRawPredict');
    expect(asked(model, STREAM).url).toBe(streamed);
  });

  test.each([
    ['global', 'https://aiplatform.googleapis.com'],
    ['us', 'https://aiplatform.us.rep.googleapis.com'],
    ['eu', 'https://aiplatform.eu.rep.googleapis.com'],
    ['us-east5', 'https://us-east5-aiplatform.googleapis.com'],
  ])('of the location %s is %s', (location, host) => {
    const url = urlOf('gemini-2.5-flash', { ...PLACE, vertex_location: location });
    expect(url).toStartWith(`${host}/v1/projects/project-1/locations/${location}/publishers/`);
  });

  test('is in Iowa where nobody says', () => {
    expect(urlOf('gemini-2.5-flash', { vertex_project: 'p' })).toStartWith(
      'https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1/',
    );
  });

  test.each([
    ['deepseek-ai/deepseek-r1-0528-maas', 'us-central1'],
    ['deepseek-ai/deepseek-v3.2-maas', 'global'],
    ['qwen/qwen3-coder-480b-a35b-instruct-maas', 'global'],
    ['zai-org/glm-5-maas', 'global'],
  ])('of %s is where it is served: %s', (model, location) => {
    expect(urlOf(model)).toContain(`/locations/${location}/`);
    const named = target(model, PLACE, { baseUrl: HOST, isNamedByCaller: true });
    expect(ask(named).url).toBe(urlOf(model));
  });

  test('of a model that is in two places is the one that was asked for', () => {
    const model = 'qwen/qwen3-235b-a22b-instruct-2507-maas';
    expect(urlOf(model, { ...PLACE, vertex_location: 'us-south1' })).toContain('https://us-south1-');
    expect(urlOf(model)).toContain('/locations/global/');
  });

  test.each([
    [
      'https://proxy.example',
      'https://proxy.example/v1/projects/project-1/locations/europe-west4/publishers/google/models/gemini-2.5-pro:generateContent',
    ],
    [
      'https://proxy.example/v1beta1',
      'https://proxy.example/v1beta1/projects/project-1/locations/europe-west4/publishers/google/models/gemini-2.5-pro:generateContent',
    ],
    [
      'https://proxy.example/team/v1',
      'https://proxy.example/team/v1/projects/project-1/locations/europe-west4/publishers/google/models/gemini-2.5-pro:generateContent',
    ],
    [
      `https://gate.example/v1/a/b/google-vertex-ai/v1/projects/p/locations/l/publishers/google/models/m`,
      'https://gate.example/v1/a/b/google-vertex-ai/v1/projects/p/locations/l/publishers/google/models/m:generateContent',
    ],
    ['https://gate.example/my-model', 'https://gate.example/my-model:generateContent'],
  ])('behind %s is what LiteLLM makes of it', (baseUrl, url) => {
    expect(urlOf('gemini-2.5-pro', PLACE, { baseUrl })).toBe(url);
  });

  test.each([
    [
      'https://proxy.example',
      'https://proxy.example/v1/projects/project-1/locations/europe-west4/endpoints/openapi/chat/completions',
    ],
    [
      'https://proxy.example/team',
      'https://proxy.example/team/v1/projects/project-1/locations/europe-west4/endpoints/openapi/chat/completions',
    ],
    [
      'https://1.us-central1-2.prediction.vertexai.goog/v1/projects/2/locations/l/endpoints/1',
      'https://1.us-central1-2.prediction.vertexai.goog/v1/projects/2/locations/l/endpoints/1/chat/completions',
    ],
    ['https://proxy.example/x/chat/completions', 'https://proxy.example/x/chat/completions'],
  ])('of open models behind %s is %s', (baseUrl, url) => {
    expect(urlOf('meta/llama-3.3-70b-instruct-maas', PLACE, { baseUrl })).toBe(url);
  });

  test('of a private endpoint is made of its id', () => {
    const params = { ...PLACE, use_psc_endpoint_format: true };
    expect(urlOf('gemini/77', params, { baseUrl: 'http://10.96.32.8' })).toBe(
      'http://10.96.32.8/v1/projects/project-1/locations/europe-west4/endpoints/77:generateContent',
    );
  });

  test('waits for the project where only the credentials know it', () => {
    expect(urlOf('gemini-2.5-pro', {})).toContain('/projects/{project}/locations/us-central1/');
    const named = { vertex_credentials: serviceAccount({ url: 'https://oauth2.googleapis.com/token' }) };
    expect(urlOf('gemini-2.5-pro', named)).toContain('/projects/project-of-the-key/');
  });

  test('is not a caller’s to choose', () => {
    const own = { isNamedByCaller: true };
    const elsewhere = () => urlOf('projects/evil/locations/us-east1/endpoints/3', PLACE, own);
    expect(elsewhere).toThrow('may not be a place');
    for (const model of ['../../x', 'a/../b', 'x?y=z', 'x#y', '..%2f..', '{project}']) {
      const { origin, pathname, search, hash } = new URL(urlOf(model, PLACE, own));
      expect([origin, search, hash]).toEqual([HOST, '', '']);
      expect(pathname).toStartWith('/v1/projects/project-1/locations/europe-west4/');
    }
  });

  test('stops the start for what is no chat, and for a container without an address', () => {
    const at = (model: string) => () => vertexAi.baseUrlOf?.(vertexAi.parseSettings?.(PLACE), model);
    expect(at('agent_engine/1')).toThrow('not supported');
    expect(at('bge/1')).toThrow('not supported');
    expect(at('gemma/1')).toThrow('api_base');
  });
});

describe('Google’s own client', () => {
  /** What it would send; nothing leaves. */
  async function sentBy(options: ConstructorParameters<typeof GoogleGenAI>[0], model: string, isStream: boolean) {
    const seen: Request[] = [];
    const given = globalThis.fetch;
    const answer = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
      seen.push(new Request(input instanceof Request ? input.url : String(input), init));
      const text = JSON.stringify({ candidates: [] });
      return new Response(isStream ? `data: ${text}\n\n` : text, { headers: { 'content-type': 'application/json' } });
    };
    globalThis.fetch = Object.assign(answer, { preconnect: given.preconnect });
    try {
      const client = new GoogleGenAI({ vertexai: true, apiVersion: 'v1', ...options });
      const order = { model, contents: 'Hi' };
      if (isStream) await Array.fromAsync(await client.models.generateContentStream(order));
      else await client.models.generateContent(order);
    } finally {
      globalThis.fetch = given;
    }
    return seen[0];
  }

  test.each([
    ['gemini-2.5-flash', false],
    ['gemini-2.5-flash', true],
    ['publishers/google/models/gemini-2.5-pro', false],
  ])('sends %s with an API key to the same address (streamed: %p)', async (model, isStream) => {
    const request = await sentBy({ apiKey: API_KEY }, model, isStream);
    const own = asked(model, { body: { stream: isStream } }, {}, { apiKey: API_KEY });
    expect(own.url).toBe(request?.url ?? 'none');
    expect(own.headers['x-goog-api-key']).toBe(request?.headers.get('x-goog-api-key') ?? 'none');
    expect(own.sent['contents']).toEqual([{ role: 'user', parts: [{ text: 'Hi' }] }]);
  });

  test.each(['us-central1', 'global', 'us', 'eu', 'asia-northeast1'])(
    'calls the same host for %s',
    async (location) => {
      const googleAuthOptions = {
        authClient: { getRequestHeaders: async () => new Headers({ authorization: 'Bearer t' }) },
      } as unknown as NonNullable<ConstructorParameters<typeof GoogleGenAI>[0]>['googleAuthOptions'];
      const request = await sentBy(
        { project: 'project-1', location, ...(googleAuthOptions && { googleAuthOptions }) },
        'gemini-2.5-flash',
        true,
      );
      const own = asked('gemini-2.5-flash', STREAM, { vertex_project: 'project-1', vertex_location: location });
      expect(own.url).toBe(request?.url ?? 'none');
    },
  );
});

describe('an API key', () => {
  test('needs no project for Google’s models, and stands in one header', () => {
    const { url, headers } = asked('gemini-2.5-flash', {}, {}, { apiKey: API_KEY });
    expect(url).toBe(
      'https://us-central1-aiplatform.googleapis.com/v1/publishers/google/models/gemini-2.5-flash:generateContent'.replace(
        'us-central1-',
        '',
      ),
    );
    expect(headers).toMatchObject({ 'x-goog-api-key': API_KEY });
    expect(headers).not.toHaveProperty('authorization');
  });

  test('keeps to the deployment’s project where there is one', () => {
    expect(urlOf('gemini-2.5-flash', PLACE, { apiKey: API_KEY })).toStartWith(`${AT}/publishers/`);
  });

  test('reaches the others through a project only, and says so', () => {
    const ofOthers = () => urlOf('claude-sonnet-4-5', {}, { apiKey: API_KEY });
    expect(ofOthers).toThrow('set vertex_project');
    expect(urlOf('claude-sonnet-4-5', PLACE, { apiKey: API_KEY })).toStartWith(AT);
  });

  test('may be a token of Google’s', async () => {
    const own = target('gemini-2.5-flash', PLACE, { apiKey: 'ya29.token' });
    const request = ask(own);
    expect(request.headers).toMatchObject({ authorization: 'Bearer ya29.token' });
    expect(vertexAi.authorize?.(request, own, 0)).toBeUndefined();
  });
});

describe('Claude', () => {
  const CLAUDE = 'claude-sonnet-4-5@20250929';

  test('is named in the address only, with a version in the body', () => {
    const { sent, headers } = asked(CLAUDE, { body: { max_tokens: 9, stream: true } });
    expect(sent).toEqual({
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
      max_tokens: 9,
      stream: true,
      anthropic_version: 'vertex-2023-10-16',
    });
    expect(headers).toEqual({ 'content-type': 'application/json' });
  });

  test('gets its switches in the header and in the body, without those that it does not have', () => {
    const tools = [{ type: 'computer_20250124', name: 'computer', display_width_px: 1, display_height_px: 1 }];
    const own = { 'anthropic-beta': 'context-1m-2025-08-07, files-api-2025-04-14' };
    const extra = { anthropic_beta: ['interleaved-thinking-2025-05-14', 'extended-cache-ttl-2025-04-11'] };
    const { sent, headers, changes } = asked(CLAUDE, { body: { tools, extra_headers: own, extra_body: extra } });
    const header = headers['anthropic-beta']?.split(',') ?? [];
    expect(header).toContain('context-1m-2025-08-07');
    expect(header).toContain('interleaved-thinking-2025-05-14');
    expect(header).toContain('extended-cache-ttl-2025-04-11');
    expect(header.some((name) => name.startsWith('computer-use-'))).toBe(true);
    expect(sent['anthropic_beta']).toEqual(header.filter((name) => !name.startsWith('extended-cache-ttl')));
    expect(JSON.stringify([sent, headers])).not.toContain('files-api');
    expect(changes).toContainEqual(expect.objectContaining({ field: 'anthropic-beta', action: 'dropped' }));
  });

  test.each([
    [{ type: 'image_url', image_url: { url: 'https://pictures.example/cat.png' } }],
    [{ type: 'file', file: { file_id: 'file_0123456789' } }],
  ])('is not sent what it would have to fetch: %j', (part) => {
    const messages = [{ role: 'user', content: [part] }];
    expect(() => asked(CLAUDE, { body: { messages } })).toThrow('data URIs only');
  });

  test('sees pictures that come along', () => {
    const picture = { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } };
    const { body } = asked(CLAUDE, { body: { messages: [{ role: 'user', content: [picture] }] } });
    expect(body).toContain('"data":"iVBORw0KGgo="');
  });

  test('answers like Anthropic', () => {
    const answer = vertexAi.parseResponse(JSON.parse(fixture('anthropic/tool-calls.json')), target(CLAUDE));
    expect(answer.choices[0]?.finish_reason).toBe('tool_calls');
  });
});

describe('other makers', () => {
  test('Mistral’s models are named without their version, in Mistral’s own dialect', () => {
    const { sent } = asked('mistral-large@2411-001', { body: { seed: 7, max_completion_tokens: 9, stream: true } });
    expect(sent).toMatchObject({ model: 'mistral-large', random_seed: 7, max_tokens: 9, stream: true });
    expect(sent).not.toHaveProperty('stream_options');
  });

  test('open models are named in the body, and asked for usage', () => {
    const { sent } = asked('meta/llama-3.3-70b-instruct-maas', STREAM);
    expect(sent).toMatchObject({ model: 'meta/llama-3.3-70b-instruct-maas', stream_options: { include_usage: true } });
  });

  test('endpoints of one’s own are not named at all, and are not told what only OpenAI knows', () => {
    const model = 'openai/5464397967697903616';
    expect(asked(model).sent['model']).toBe('');
    expect(() => asked(model, { body: { prediction: {} } })).toThrow('prediction');
    const { sent, changes } = asked(model, { body: { prediction: {} }, dropParams: true });
    expect(sent).not.toHaveProperty('prediction');
    expect(changes.map(({ field }) => field)).toContain('prediction');
    expect(asked('openai/gpt-oss-120b-maas', { body: { prediction: {} } }).sent).toMatchObject({ prediction: {} });
  });

  const GEMMA = 'gemma/gemma-3-12b-it-1222199011122';
  const baseUrl = 'https://1.us-central1-2.prediction.vertexai.goog/v1/projects/2/locations/us-central1/endpoints/1';

  test('Gemma in a container predicts: the request is its one instance', () => {
    const { url, sent } = asked(GEMMA, { body: { max_completion_tokens: 9 } }, PLACE, { baseUrl });
    expect(url).toBe(`${baseUrl}:predict`);
    const messages = [{ role: 'user', content: 'Hi' }];
    expect(sent).toEqual({ instances: [{ '@requestFormat': 'chatCompletions', messages, max_tokens: 9 }] });
    expect(urlOf(GEMMA, PLACE, { baseUrl: `${baseUrl}:predict` })).toBe(`${baseUrl}:predict`);
  });

  test('Gemma’s prediction is the answer', () => {
    const predictions = JSON.parse(fixture('openai/text.json'));
    const own = target(GEMMA, PLACE, { baseUrl });
    const plain = vertexAi.parseResponse(predictions, own).choices;
    expect(vertexAi.parseResponse({ predictions, deployedModelId: '1' }, own).choices).toEqual(plain);
    expect(vertexAi.parseResponse({ predictions: [predictions] }, own).choices).toEqual(plain);
    expect(plain[0]?.message.content).toBeString();
  });

  test('Gemma in a container does not stream, all others do', () => {
    expect(vertexAi.streamsAt?.(target(GEMMA, PLACE, { baseUrl }))).toBe(false);
    for (const model of [
      'gemini-2.5-flash',
      'claude-sonnet-4-5',
      'meta/llama-4-maverick-17b-128e-instruct-maas',
      '7',
    ]) {
      expect(vertexAi.streamsAt?.(target(model, PLACE))).toBe(true);
    }
  });
});

describe('prices', () => {
  const catalog = loadCatalog();
  const NAMES = [
    ...['gemini-2.5-flash', 'gemini-2.5-pro', 'gemini-3-pro-preview', 'gemini-2.0-flash-001', 'google/gemini-2.5-pro'],
    ...['claude-sonnet-4-5@20250929', 'claude-opus-4-7', 'anthropic/claude-opus-4-7', 'claude-haiku-4-5@latest'],
    ...['mistral-large@2411-001', 'mistralai/mistral-medium-3@001', 'codestral-2501', 'jamba-1.5-large@001'],
    ...['meta/llama-4-maverick-17b-128e-instruct-maas', 'deepseek-ai/deepseek-r1-0528-maas', 'xai/grok-4.3'],
    ...['openai/gpt-oss-120b-maas', 'qwen/qwen3-coder-480b-a35b-instruct-maas', 'zai-org/glm-5-maas'],
  ];

  test.each(NAMES)('of %s are known, under the older name of the provider too', (model) => {
    const card = catalog.rateCard({ provider: 'vertex_ai', model });
    expect(card).toBeDefined();
    expect(catalog.rateCard({ provider: 'vertex_ai', model: `vertex_ai/${model}` })).toBe(
      card as NonNullable<typeof card>,
    );
    expect(catalog.rateCard({ provider: 'vertex_ai_beta', model })).toBe(card as NonNullable<typeof card>);
    expect(catalog.rateCard({ provider: 'vertex_ai_beta', model: `vertex_ai_beta/${model}` })).toBeDefined();
  });

  test('are Vertex’s own, with those of cached tokens and of sound', () => {
    const fields = catalog.abilities({ provider: 'vertex_ai', model: 'gemini-2.5-flash' })?.fields;
    expect(fields).toMatchObject({
      input_cost_per_token: 3e-7,
      output_cost_per_token: 2.5e-6,
      cache_read_input_token_cost: 3e-8,
      input_cost_per_audio_token: 1e-6,
    });
    const claude = catalog.abilities({ provider: 'vertex_ai', model: 'claude-sonnet-4-5@20250929' })?.fields;
    expect(claude).toMatchObject({ cache_read_input_token_cost: 3e-7, cache_creation_input_token_cost: 3.75e-6 });
  });

  test('are another provider’s for nobody', () => {
    expect(catalog.rateCard({ provider: 'groq', model: 'gemini-2.5-flash-001' })).toBeUndefined();
  });

  test('depend on whether a model is served everywhere', () => {
    const billed = (location: string) =>
      vertexAi.billing?.(target('claude-opus-4-7', { ...PLACE, vertex_location: location }));
    expect(billed('global')).toEqual({});
    expect(billed('us-east5')).toEqual({ region: 'regional' });
    expect(billed('eu')).toEqual({ region: 'regional' });
  });
});

describe('refusals', () => {
  const errorOf = (model: string, status: number, body: object) =>
    upstreamError({ target: target(model), status, body: JSON.stringify(body), headers: new Headers() });
  const googles = (code: number, status: string, message: string) => ({ error: { code, status, message } });

  test.each([
    ['gemini-2.5-flash', 429, googles(429, 'RESOURCE_EXHAUSTED', 'Resource exhausted.'), 'upstream_busy'],
    [
      'gemini-2.5-flash',
      403,
      googles(403, 'PERMISSION_DENIED', 'Vertex AI API has not been used.'),
      'upstream_forbidden',
    ],
    ['gemini-2.5-flash', 404, [googles(404, 'NOT_FOUND', 'Publisher Model was not found.')], 'upstream_not_found'],
    [
      'gemini-2.5-flash',
      400,
      googles(400, 'INVALID_ARGUMENT', 'The input token count (2) exceeds the maximum number of tokens'),
      'context_window_exceeded',
    ],
    [
      'claude-opus-4-7',
      401,
      googles(401, 'UNAUTHENTICATED', 'Request had invalid credentials.'),
      'upstream_unauthorized',
    ],
    [
      'claude-opus-4-7',
      400,
      { type: 'error', error: { type: 'invalid_request_error', message: 'prompt is too long: 2' } },
      'context_window_exceeded',
    ],
    [
      'claude-opus-4-7',
      529,
      { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
      'upstream_failed',
    ],
    ['meta/llama-3.3-70b-instruct-maas', 429, [googles(429, 'RESOURCE_EXHAUSTED', 'Quota exceeded.')], 'upstream_busy'],
  ])('of %s with %p', (model, status, body, kind) => {
    expect(errorOf(model, status, body).kind).toBe(kind as GatewayError['kind']);
  });

  test('do not echo the key', () => {
    const key = { vertex_credentials: serviceAccount({ url: 'https://oauth2.googleapis.com/token' }) };
    const line = PRIVATE_KEY.split('\n')[1] ?? '';
    const own = target('gemini-2.5-flash', key);
    const body = JSON.stringify(googles(400, 'INVALID_ARGUMENT', `Bad assertion ${line}`));
    const error = upstreamError({ target: own, status: 400, body, headers: new Headers() });
    expect(JSON.stringify([error.message, error.details])).not.toContain(line);
  });
});

test('the older name is the same provider', () => {
  const resolved = resolveModel('vertex_ai_beta/gemini-2.5-flash', undefined);
  expect(resolved).toEqual({ adapter: vertexAiBeta, upstreamModel: 'gemini-2.5-flash' });
  const own = targetOf('vertex_ai_beta/gemini-2.5-flash', {
    apiKey: undefined,
    settings: vertexAiBeta.parseSettings?.(PLACE),
    baseUrl: HOST,
  });
  expect(ask(own).url).toBe(urlOf('gemini-2.5-flash'));
});
