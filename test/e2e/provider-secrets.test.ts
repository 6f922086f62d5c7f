/**
 * Secrets of every way to a provider, as keys, settings and tokens: upstreams that echo what they were sent, word for word,
 * and that lead elsewhere, and every place where a secret could turn up.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { generateKeyPairSync } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

let serial = 0;
const canaries: string[] = [];
function canary(name: string): string {
  const secret = `${name}-canary-${crypto.randomUUID().replaceAll('-', '')}${serial++}`;
  canaries.push(secret);
  return secret;
}

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const PEM = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
/** Lines of the key: the whole of it hardly stands anywhere as it is. */
const PEM_LINES = PEM.split('\n').filter((line) => line.length > 40 && !line.startsWith('-----'));
const TOKEN = `ya29.${canary('google-token')}`;

/** By model group. Each has its own secrets. */
const waysTo = (upstream: Upstream): Readonly<Record<string, object>> => {
  const api_base = upstream.origin;
  const aws = (name: string) => ({
    ...{
      aws_access_key_id: 'AKIDEXAMPLE',
      aws_secret_access_key: canary(`${name}-secret`),
      aws_region_name: 'us-west-2',
    },
    aws_session_token: canary(`${name}-session`),
  });
  const json = (members: object) => JSON.stringify({ project_id: 'p', ...members });
  return {
    openai: { model: 'openai/m', api_base, api_key: canary('openai') },
    anthropic: { model: 'anthropic/m', api_base, api_key: canary('anthropic') },
    gemini: { model: 'gemini/m', api_base, api_key: canary('gemini') },
    'azure-key': { model: 'azure/m', api_base, api_key: canary('azure') },
    'azure-token': { model: 'azure/m', api_base, azure_ad_token: canary('entra') },
    'azure-ai': { model: 'azure_ai/m', api_base, azure_ad_token: canary('foundry') },
    'databricks-key': { model: 'databricks/m', api_base, api_key: canary('databricks') },
    databricks: { model: 'databricks/m', api_base, client_id: 'principal', client_secret: canary('principal') },
    'watsonx-token': { model: 'watsonx/m', api_base, token: canary('watsonx') },
    'watsonx-zen': { model: 'watsonx/m', api_base, zen_api_key: canary('zen') },
    bedrock: { model: 'bedrock/m', aws_bedrock_runtime_endpoint: api_base, ...aws('bedrock') },
    'bedrock-bearer': { model: 'bedrock/m', aws_bedrock_runtime_endpoint: api_base, api_key: canary('bearer') },
    sagemaker: { model: 'sagemaker_chat/m', sagemaker_base_url: `${api_base}/sage`, ...aws('sagemaker') },
    replicate: { model: 'replicate/o/m', api_base, api_key: canary('replicate') },
    vertex: {
      ...{ model: 'vertex_ai/gemini-2.5-flash', api_base },
      vertex_credentials: json({
        ...{ type: 'service_account', client_email: 'a@b.c', private_key: PEM, token_uri: `${api_base}/token` },
      }),
    },
    'vertex-person': {
      ...{ model: 'vertex_ai/claude-haiku-4-5', api_base },
      vertex_credentials: json({
        ...{
          type: 'authorized_user',
          client_id: 'c',
          client_secret: canary('desktop'),
          refresh_token: canary('refresh'),
        },
        token_uri: `${api_base}/token`,
      }),
    },
    snowflake: { model: 'snowflake/m', api_base, api_key: `pat/${canary('snowflake')}` },
    cloudflare: { model: 'cloudflare/m', api_base, api_key: canary('cloudflare') },
    huggingface: { model: 'huggingface/m', api_base, api_key: canary('huggingface') },
    mistral: { model: 'mistral/m', api_base, api_key: canary('mistral') },
    cohere: { model: 'cohere/m', api_base, api_key: canary('cohere') },
    headers: {
      model: 'openai/m',
      api_base,
      extra_headers: { 'x-secret-token': canary('header'), 'x-auth': canary('header-auth') },
    },
  };
};

let upstream: Upstream;
let gateway: Gateway;
let key = '';
let groups: readonly string[] = [];
/** What anybody was answered, by where. */
const answers: [string, string][] = [];
type Mood = 'echoes' | 'leads elsewhere' | 'gives no token';
let mood: Mood = 'echoes';
const elsewhere: string[] = [];

beforeAll(async () => {
  upstream = await startUpstream(({ path, headers, text }) => {
    if (path.startsWith('/elsewhere')) elsewhere.push(path);
    const echo = `You sent ${JSON.stringify(headers)} and ${text}`;
    if (mood === 'leads elsewhere') {
      return { status: 307, headers: { location: `${upstream.origin}/elsewhere` }, body: echo };
    }
    const isToken = /^\/(token|oidc)/.test(path);
    if (isToken && mood === 'gives no token') {
      return { status: 400, body: { error: text.slice(0, 60), error_description: echo, message: echo } };
    }
    if (isToken) return { body: { access_token: TOKEN, expires_in: 3600 } };
    return { status: 401, body: { error: { message: echo, type: 'authentication_error', code: echo }, message: echo } };
  });
  const ways = waysTo(upstream);
  groups = Object.keys(ways);
  gateway = await startGateway({
    config: {
      model_list: Object.entries(ways).map(([model_name, litellm_params]) => ({ model_name, litellm_params })),
      credential_list: [{ credential_name: 'kept', credential_values: { api_key: canary('credential') } }],
      router_settings: { num_retries: 0 },
    },
    env: { LITELLM_LOG: 'DEBUG' },
  });
  const made = await gateway.post('/key/generate', {});
  key = ((await made.json()) as { key: string }).key;
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

const messages = [{ role: 'user', content: 'Hi' }];
const note = async (where: string, answer: Promise<Response>): Promise<string> => {
  const response = await answer;
  const text = `${JSON.stringify([...response.headers])} ${await response.text()}`;
  answers.push([where, text]);
  return text;
};

async function askAll(now: Mood): Promise<void> {
  mood = now;
  const authorization = `Bearer ${key}`;
  for (const model of groups) {
    for (const stream of [false, true]) {
      await note(`${now} ${model}`, gateway.ask({ model, messages, stream }, { authorization }));
    }
    await note(
      `${now} ${model} token_counter`,
      gateway.post('/utils/token_counter?call_endpoint=true', { model, messages }, { authorization }),
    );
  }
}

/** Where any of it stands, by name. */
const leaksIn = (text: string): string[] => [
  ...canaries.filter((secret) => text.includes(secret)),
  ...PEM_LINES.filter((line) => text.includes(line)),
];
const expectNone = (): void => {
  expect(answers.flatMap(([where, text]) => leaksIn(text).map((leak) => `${where}: ${leak}`))).toEqual([]);
};

describe('secrets of providers', () => {
  test('are not in what an upstream makes of them, nor follow where it leads', async () => {
    await askAll('gives no token');
    await askAll('leads elsewhere');
    const before = upstream.requests.length;
    await askAll('echoes');
    // They were sent, so that there was something to echo.
    const sent = upstream.requests.slice(before).map(({ headers }) => JSON.stringify(headers));
    for (const secret of canaries.filter((one) => /^(openai|entra|zen|snowflake|header|google)/.test(one))) {
      expect(sent.some((text) => text.includes(secret))).toBe(true);
    }
    expect(answers.filter(([, text]) => text.includes('You sent')).length).toBeGreaterThan(groups.length);
    expectNone();
    expect(elsewhere).toEqual([]);
  });

  test('are not in what is shown of models, requests and health, to admins and to keys', async () => {
    answers.length = 0;
    for (const authorization of [`Bearer ${gateway.masterKey}`, `Bearer ${key}`]) {
      const paths = [
        '/model/info',
        '/v1/model/info',
        '/v2/model/info',
        '/model_group/info',
        '/v1/models',
        '/credentials',
      ];
      for (const path of [...paths, '/health', '/health/readiness', '/metrics', '/openapi.json', '/spend/logs']) {
        await note(path, gateway.get(path, { authorization }));
      }
      for (const model of groups) {
        const body = { call_type: 'completion', request_body: { model, messages } };
        const shown = await note(`${model} shown`, gateway.post('/utils/transform_request', body, { authorization }));
        expect(shown).toContain('raw_request_body');
        const dry = { authorization, 'x-tollgate-explain': 'dry' };
        await note(`${model} explained`, gateway.ask({ model, messages }, dry));
        await note(
          `${model} parameters`,
          gateway.get(`/utils/supported_openai_params?model=${model}`, { authorization }),
        );
      }
    }
    const rows = await gateway.rows('', groups.length);
    for (const { request_id } of rows.slice(0, 30)) {
      await note('explain', gateway.get(`/v1/explain/${String(request_id)}`));
    }
    expectNone();
  });

  test('are neither in the log at its most talkative nor on disk', async () => {
    expect(await gateway.kill('SIGTERM')).toBe(0);
    expect(leaksIn(gateway.logs())).toEqual([]);
    const files = readdirSync(gateway.folder, { recursive: true, withFileTypes: true }).filter(
      (file) => file.isFile() && file.name !== 'config.yaml',
    );
    expect(files.length).toBeGreaterThan(0);
    const texts = files.map((file) => readFileSync(join(file.parentPath, file.name), 'latin1'));
    expect(texts.flatMap(leaksIn)).toEqual([]);
  });
});
