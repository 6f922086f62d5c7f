import { describe, expect, test } from 'bun:test';
import { API_KEY, ask, targetFor, targetOf } from '../../test/support/provider-parts.ts';
import { registry } from './registry.ts';

const url = (model: string, baseUrl?: string): string =>
  ask(targetOf(model, { ...(baseUrl !== undefined && { baseUrl }) })).url;
const modelSent = (model: string, baseUrl?: string): unknown =>
  ask(targetOf(model, { ...(baseUrl !== undefined && { baseUrl }) })).sent['model'];

/** The address that is used where neither the deployment nor the environment gives one. */
function addressOf(id: string, raw: Record<string, unknown>, model = 'm'): string | undefined {
  const adapter = registry.get(id);
  return adapter?.baseUrlOf?.(adapter.parseSettings?.(raw), model);
}

describe('Hugging Face', () => {
  test.each([
    ['huggingface/deepseek-ai/DeepSeek-R1', 'deepseek-ai/DeepSeek-R1'],
    ['huggingface/together/deepseek-ai/DeepSeek-R1', 'deepseek-ai/DeepSeek-R1:together'],
    ['huggingface/fireworks-ai/meta-llama/Llama-3.3-70B', 'meta-llama/Llama-3.3-70B:fireworks-ai'],
    ['huggingface/deepseek-ai/DeepSeek-R1:fastest', 'deepseek-ai/DeepSeek-R1:fastest'],
  ])('%s is %s to the router', (model, sent) => {
    expect(modelSent(model)).toBe(sent);
    expect(url(model)).toBe('https://router.huggingface.co/v1/chat/completions');
  });

  test.each([
    ['https://abc.eu-west-1.aws.endpoints.huggingface.cloud', '/v1/chat/completions'],
    ['https://abc.eu-west-1.aws.endpoints.huggingface.cloud/v1', '/chat/completions'],
    ['http://tgi:8080/v1/chat/completions', ''],
  ])('a server of one’s own at %s is called by the names it knows', (baseUrl, path) => {
    expect(url('huggingface/org/team/model', baseUrl)).toBe(baseUrl + path);
    expect(modelSent('huggingface/org/team/model', baseUrl)).toBe('org/team/model');
  });

  test('takes its token under the names that people use', () => {
    const adapter = registry.get('huggingface');
    expect(adapter?.apiKeyEnv).toEqual(['HF_TOKEN', 'HUGGINGFACE_API_KEY', 'HF_API_KEY']);
    expect(adapter?.baseUrlEnv).toEqual(['HF_API_BASE', 'HUGGINGFACE_API_BASE']);
  });
});

describe('Cloudflare Workers AI', () => {
  test('is called at the account’s address, which cannot be left', () => {
    const address = addressOf('cloudflare', { account_id: 'a1b2' });
    expect(address).toBe('https://api.cloudflare.com/client/v4/accounts/a1b2/ai/v1');
    expect(addressOf('cloudflare', { account_id: '../x' })).toContain('/accounts/..%2Fx/ai/v1');
    expect(url('cloudflare/@cf/meta/llama-3.1-8b-instruct', address)).toBe(`${address}/chat/completions`);
    expect(modelSent('cloudflare/@cf/meta/llama-3.1-8b-instruct', address)).toBe('@cf/meta/llama-3.1-8b-instruct');
  });

  test('an address of its older endpoint is put right', () => {
    expect(url('cloudflare/@cf/m', 'https://api.cloudflare.com/client/v4/accounts/a/ai/run')).toBe(
      'https://api.cloudflare.com/client/v4/accounts/a/ai/v1/chat/completions',
    );
  });

  test('without an account says what to set', () => {
    expect(() => addressOf('cloudflare', {})).toThrow('set CLOUDFLARE_ACCOUNT_ID, or api_base');
    expect(registry.get('cloudflare')?.settingsEnv).toEqual({ account_id: ['CLOUDFLARE_ACCOUNT_ID'] });
  });
});

describe('Snowflake Cortex', () => {
  const PATH = '/api/v2/cortex/v1/chat/completions';
  const HOST = 'https://acme-eu.snowflakecomputing.com';

  test.each(['', '/api/v2', '/api/v2/cortex/v1', '/api/v2/cortex/inference:complete', PATH])(
    'is found from its address with "%s"',
    (ending) => {
      expect(url('snowflake/claude-sonnet-4-5', HOST + ending)).toBe(HOST + PATH);
    },
  );

  test('is found from the account', () => {
    expect(addressOf('snowflake', { account_id: 'acme-eu' })).toBe(HOST);
    expect(() => addressOf('snowflake', {})).toThrow('SNOWFLAKE_ACCOUNT_ID');
  });

  test.each([
    ['pat/secret-token', 'secret-token', 'PROGRAMMATIC_ACCESS_TOKEN'],
    ['secret-token', 'secret-token', 'PROGRAMMATIC_ACCESS_TOKEN'],
    ['eyJhbGciOiJSUzI1NiJ9.x.y', 'eyJhbGciOiJSUzI1NiJ9.x.y', 'KEYPAIR_JWT'],
  ])('is told what kind of token "%s" is', (apiKey, token, kind) => {
    expect(ask(targetOf('snowflake/m', { apiKey, baseUrl: HOST })).headers).toMatchObject({
      authorization: `Bearer ${token}`,
      'x-snowflake-authorization-token-type': kind,
    });
  });

  test('a marked token is a secret without its mark too', () => {
    const adapter = registry.get('snowflake');
    if (!adapter) throw new Error('not there');
    expect(adapter.secretsOf?.(targetFor(adapter, { apiKey: 'pat/secret-token' }))).toEqual(['secret-token']);
    expect(adapter.secretsOf?.(targetFor(adapter, { apiKey: API_KEY }))).toEqual([]);
  });

  test('knows the newer name of the longest answer only', () => {
    const { sent, changes } = ask(targetOf('snowflake/m'), { body: { max_tokens: 5 } });
    expect(sent).toMatchObject({ max_completion_tokens: 5 });
    expect(sent).not.toHaveProperty('max_tokens');
    expect(changes).toContainEqual({ field: 'max_tokens', action: 'renamed', note: 'max_completion_tokens' });
  });
});

describe('others', () => {
  test('Baseten’s deployments of one’s own have an address each', () => {
    expect(addressOf('baseten', {}, 'abcd1234')).toBe(
      'https://model-abcd1234.api.baseten.co/environments/production/sync/v1',
    );
    expect(addressOf('baseten', {}, 'deepseek-ai/DeepSeek-V3')).toBeUndefined();
    expect(url('baseten/deepseek-ai/DeepSeek-V3')).toBe('https://inference.baseten.co/v1/chat/completions');
  });

  test.each([
    [undefined, 'https://app.datarobot.com/api/v2/genai/llmgw/chat/completions'],
    ['https://eu.datarobot.com/api/v2', 'https://eu.datarobot.com/api/v2/genai/llmgw/chat/completions'],
    ['https://x/api/v2/deployments/d1', 'https://x/api/v2/deployments/d1/chat/completions'],
  ])('DataRobot at %p is called at %s', (baseUrl, expected) => {
    expect(url('datarobot/azure/gpt-4o', baseUrl)).toBe(expected);
  });

  test.each([
    [undefined, 'https://inference.do-ai.run/v1/chat/completions'],
    ['https://inference.do-ai.run', 'https://inference.do-ai.run/v1/chat/completions'],
    ['https://a1.agents.do.example', 'https://a1.agents.do.example/api/v1/chat/completions'],
  ])('Gradient at %p is called at %s', (baseUrl, expected) => {
    expect(url('gradient_ai/llama3.3-70b', baseUrl)).toBe(expected);
  });

  test.each([
    ['openai.chat-completion.gpt-4o', 'https://clarifai.com/openai/chat-completion/models/gpt-4o'],
    ['https://clarifai.com/a/b/models/c', 'https://clarifai.com/a/b/models/c'],
    ['plain', 'plain'],
  ])('Clarifai’s %s is %s', (model, sent) => {
    expect(modelSent(`clarifai/${model}`)).toBe(sent);
  });

  test.each([
    ['chat/c1/m', 'http://r:9380/api/v1/chats_openai/c1/chat/completions', 'm'],
    ['agent/a%2F1/x/y', 'http://r:9380/api/v1/agents_openai/a%252F1/chat/completions', 'x/y'],
    ['m', 'http://r:9380/chat/completions', 'm'],
  ])('RAGFlow’s %s is at %s', (model, expected, sent) => {
    expect(url(`ragflow/${model}`, 'http://r:9380')).toBe(expected);
    expect(modelSent(`ragflow/${model}`, 'http://r:9380')).toBe(sent);
    if (model !== 'm') expect(url(`ragflow/${model}`, 'http://r:9380/api/v1')).toBe(expected);
  });
});
