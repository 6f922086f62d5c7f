/** A fake Bedrock that lets in nobody whose signature is not right, behind the real program. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventFrames, exceptionFrame } from '../support/event-stream.ts';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { fixture } from '../support/recordings.ts';
import { type Signer, verifiedSigner } from '../support/signature.ts';
import { streamed } from '../support/sse.ts';
import { type Behaviour, type SeenRequest, startUpstream, type Upstream } from '../support/upstream.ts';

const MODEL = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0';
const SECRETS: Readonly<Record<string, string>> = {
  AKIAOWN: 'secret-of-the-deployment',
  AKIAPROFILE: 'secret-of-the-profile',
};
const BEARER = 'bedrock-api-key-1234567';

let upstream: Upstream;
let gateway: Gateway;
let folder: string;
let answer: (request: SeenRequest) => Behaviour;
const signers: Signer[] = [];

const lines = (file: string): string[] => fixture(file).split('\n').filter(Boolean);
const stream = (body: Uint8Array, more: Behaviour = {}): Behaviour => ({
  body,
  ...more,
  headers: { 'content-type': 'application/vnd.amazon.eventstream', 'x-amzn-requestid': 'aws-1' },
});

function guarded(request: SeenRequest): Behaviour {
  const { headers } = request;
  if (headers['authorization'] === `Bearer ${BEARER}`) return answer(request);
  try {
    signers.push(verifiedSigner(request, (id) => SECRETS[id] ?? ''));
    return answer(request);
  } catch {
    const type = { 'x-amzn-errortype': 'InvalidSignatureException:http://internal.amazon.com/coral/' };
    return { status: 403, body: { message: 'The signature does not match.' }, headers: type };
  }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-aws-'));
  const profiles = join(folder, 'credentials');
  writeFileSync(profiles, '[models]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = secret-of-the-profile\n');
  upstream = await startUpstream(guarded);
  const at = { model: `bedrock/${MODEL}`, aws_bedrock_runtime_endpoint: upstream.origin };
  const keys = {
    aws_access_key_id: 'AKIAOWN',
    aws_secret_access_key: 'secret-of-the-deployment',
    aws_region_name: 'eu-west-1',
  };
  gateway = await startGateway({
    config: {
      model_list: [
        {
          model_name: 'own',
          litellm_params: { ...at, ...keys, input_cost_per_token: 3e-6, output_cost_per_token: 15e-6 },
        },
        { model_name: 'profile', litellm_params: { ...at, aws_profile_name: 'models', aws_region_name: 'us-east-1' } },
        { model_name: 'bearer', litellm_params: { ...at, api_key: BEARER } },
        { model_name: 'wrong', litellm_params: { ...at, ...keys, aws_secret_access_key: 'a-wrong-secret-123' } },
      ],
      router_settings: { num_retries: 0 },
    },
    env: { AWS_SHARED_CREDENTIALS_FILE: profiles, AWS_CONFIG_FILE: join(folder, 'none') },
  });
});
beforeEach(() => {
  signers.length = 0;
  answer = ({ path }) =>
    path.endsWith('/converse')
      ? { body: fixture('bedrock/text.json'), headers: { 'x-amzn-requestid': 'aws-1' } }
      : stream(eventFrames(lines('bedrock/text.chunks.txt')));
});
afterAll(async () => {
  expect(await gateway?.stop()).toBe(0);
  await upstream?.stop();
  rmSync(folder, { recursive: true });
});

const SAID = 'Grüße aus Köln 👋, "quoted" and \\ escaped.\n';
const ask = (model: string, more: object = {}) =>
  gateway.ask({ model, messages: [{ role: 'user', content: 'Hi' }], ...more });

interface CallPiece {
  readonly index: number;
  readonly function: { readonly arguments: string };
}

interface Answer {
  readonly choices: { message: { content: string }; finish_reason: string }[];
  readonly usage: object;
}

describe('whoever calls', () => {
  test.each([
    ['own', 'AKIAOWN', 'eu-west-1'],
    ['profile', 'AKIAPROFILE', 'us-east-1'],
  ])('%s signs as %s for %s, whole and streamed', async (model, accessKeyId, region) => {
    const whole = await ask(model);
    expect(whole.status).toBe(200);
    expect(whole.headers.get('llm_provider-x-amzn-requestid')).toBe('aws-1');
    const { choices, usage } = (await whole.json()) as Answer;
    expect(choices[0]).toMatchObject({ message: { content: SAID }, finish_reason: 'stop' });
    expect(usage).toMatchObject({ prompt_tokens: 12, completion_tokens: 17 });
    const pieces = await streamed(await ask(model, { stream: true, stream_options: { include_usage: true } }));
    expect(pieces).toMatchObject({ content: SAID, finishReasons: ['stop'], isDone: true, error: undefined });
    expect(pieces.usages).toMatchObject([{ prompt_tokens: 12, completion_tokens: 17 }]);
    expect(signers).toHaveLength(2);
    for (const signer of signers) {
      expect(signer.accessKeyId).toBe(accessKeyId);
      expect(signer.scope).toEndWith(`/${region}/bedrock/aws4_request`);
    }
    expect(upstream.requests.slice(-2).map(({ path }) => path)).toEqual([
      `/model/${encodeURIComponent(MODEL)}/converse`,
      `/model/${encodeURIComponent(MODEL)}/converse-stream`,
    ]);
  });

  test('with a bearer key is let in by it', async () => {
    expect((await ask('bearer')).status).toBe(200);
    expect(signers).toHaveLength(0);
  });

  test('with a wrong key gets AWS’s refusal, without any secret', async () => {
    const response = await ask('wrong');
    const text = await response.text();
    expect(response.status).toBe(401);
    expect(text).toContain('The signature does not match.');
    expect(text + gateway.logs()).not.toContain('a-wrong-secret-123');
  });
});

test('what it costs is in the row, to the nano-dollar', async () => {
  const response = await ask('own');
  await response.text();
  const id = response.headers.get('x-litellm-call-id');
  const [row] = await gateway.rows(`?request_id=${id}`);
  expect(row?.['spend']).toBeCloseTo(12 * 3e-6 + 17 * 15e-6, 9);
});

describe('a stream', () => {
  test('arrives whole however the network cut its frames', async () => {
    const frames = eventFrames(lines('bedrock/tool-calls.chunks.txt'));
    for (const splitAt of [[1], [4, 9, 13], [frames.length - 1], [100, 101, 102, 300]]) {
      answer = () => stream(frames, { splitAt });
      const { chunks, finishReasons } = await streamed(await ask('own', { stream: true }));
      expect(finishReasons).toEqual(['tool_calls']);
      const pieces = chunks.flatMap(({ choices }) => choices?.[0]?.delta?.tool_calls ?? []) as CallPiece[];
      const first = pieces.filter(({ index }) => index === 0).map((piece) => piece.function.arguments);
      expect(first.join('')).toBe('{"city":"Köln","unit":"c"}');
    }
  });

  test('that is damaged, cut short or broken off by Bedrock ends with an error, never as if it were done', async () => {
    const events = lines('bedrock/text.chunks.txt');
    const start = eventFrames(events.slice(0, 3));
    const damaged = eventFrames(events);
    damaged[damaged.length - 3] = (damaged[damaged.length - 3] ?? 0) ^ 4;
    for (const [body, words] of [
      [damaged, 'damaged'],
      [start, 'without finishing'],
      [Buffer.concat([start, eventFrames(events.slice(3, 4)).subarray(0, 20)]), 'without finishing'],
      [Buffer.concat([start, exceptionFrame('modelStreamErrorException', 'The model broke.')]), 'The model broke.'],
    ] as const) {
      answer = () => stream(body);
      const { content, error, isDone } = await streamed(await ask('own', { stream: true }));
      expect(SAID.startsWith(content) && content.length > 5).toBe(true);
      expect(error?.['message']).toContain(words);
      expect(isDone).toBe(false);
    }
  });

  test('that is refused before it began has the status of the refusal', async () => {
    answer = () => stream(exceptionFrame('throttlingException', 'Slow down.'));
    const response = await ask('own', { stream: true });
    expect(response.status).toBe(429);
    expect(await response.text()).toContain('Slow down.');
  });
});

test('a client cannot choose the credentials or where they go', async () => {
  for (const more of [
    { aws_bedrock_runtime_endpoint: 'http://evil.example' },
    { aws_role_name: 'arn:aws:iam::1:role/x' },
  ]) {
    const before = upstream.requests.length;
    expect((await ask('own', more)).status).toBeGreaterThanOrEqual(400);
    expect(upstream.requests.length).toBe(before);
  }
});
