import { describe, expect, test } from 'bun:test';
import { TEST_PROVIDERS } from '../../test/support/config-files.ts';
import { told, treeFrom } from '../../test/support/config-trees.ts';
import { readParams } from './deployment-params.ts';
import { Findings } from './findings.ts';
import { checkProvider } from './provider-check.ts';

const PATH = 'model_list.0.litellm_params.model';

function checked(text: string) {
  const tree = treeFrom(text);
  const params = readParams(tree, 'params', new Findings());
  const findings = new Findings();
  const later = checkProvider({ params, tree, path: PATH }, { findings, knownProviders: TEST_PROVIDERS });
  return { later, findings: told(findings) };
}

const GIVE = 'For an OpenAI-compatible address give api_base.';

describe('the provider of a deployment', () => {
  test.each([
    'model: openai/gpt-4o',
    'model: hosted_vllm/meta-llama/Llama-3',
    'model: openai/*',
    'model: gpt-4o',
    'model: ""',
    'api_key: k',
    '{model: openai/, api_base: "http://x"}',
    '{model: meta-llama/Llama-3, custom_llm_provider: groq}',
    '{model: nobody/x, custom_llm_provider: openai}',
    '{model: meta-llama/Llama-3, api_base: "http://vllm/v1"}',
    '{model: meta-llama/Llama-3, base_url: "http://vllm/v1"}',
    '{model: meta-llama/Llama-3, litellm_credential_name: main}',
    // A short name is near to many others by chance.
    '{model: azu/x, api_base: "http://x"}',
  ])('is there, or left to others, in %s', (text) => {
    expect(checked(text)).toEqual({ later: undefined, findings: [] });
  });

  test.each([
    ['model: triton/claude', 'triton'],
    ['model: gigachat/x', 'gigachat'],
    ['{model: gigachat/x, api_base: "http://x"}', 'gigachat'],
    ['model: voyage/voyage-3', 'voyage'],
    ['{model: anything, custom_llm_provider: triton}', 'triton'],
    ['{model: openai/x, custom_llm_provider: predibase}', 'predibase'],
  ])('comes later in %s', (text, later) => {
    expect(checked(text)).toEqual({ later, findings: [] });
  });

  test.each([
    ['model: opnai/gpt-4o', `1:8 error ${PATH}: no provider "opnai" is there. Did you mean "openai"? ${GIVE}`],
    ['api_key: k\nmodel: OpenAI/x', `2:8 error ${PATH}: no provider "OpenAI" is there. Did you mean "openai"? ${GIVE}`],
    ['model: zzzzzzzz/x', `1:8 error ${PATH}: no provider "zzzzzzzz" is there. ${GIVE}`],
    ['model: /x', `1:8 error ${PATH}: no provider "" is there. ${GIVE}`],
    [
      'model: opnai/x\napi_base: http://x',
      `1:8 error ${PATH}: no provider "opnai" is there. Did you mean "openai"? ${GIVE}`,
    ],
    [
      'model: x\ncustom_llm_provider: antropic',
      '2:22 error model_list.0.litellm_params.custom_llm_provider: no provider of this name is there. Did you mean "anthropic"?',
    ],
    [
      'model: x\ncustom_llm_provider: zzzzzzzzzz',
      '2:22 error model_list.0.litellm_params.custom_llm_provider: no provider of this name is there.',
    ],
  ])('is missed in %j, with the nearest that is there', (text, line) => {
    expect(checked(text)).toEqual({ later: undefined, findings: [line] });
  });
});
