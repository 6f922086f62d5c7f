/** Against the translations themselves: what is said to be supported is taken, everything else is refused or left out. */
import { describe, expect, test } from 'bun:test';
import { inputOf, targetOf } from '../../test/support/provider-parts.ts';
import { samples, targetOfSample } from '../../test/support/provider-samples.ts';
import type { Change, Target } from './adapter.ts';
import { supportedParams } from './supported-params.ts';

/** Plain ones, that need nothing beside them. */
const USES: Readonly<Record<string, unknown>> = {
  temperature: 0.5,
  top_p: 0.5,
  n: 2,
  stop: ['end'],
  seed: 7,
  logprobs: true,
  logit_bias: { '50256': -1 },
  presence_penalty: 0.5,
  frequency_penalty: 0.5,
  max_tokens: 64,
  max_completion_tokens: 64,
  user: 'ada',
  store: true,
  verbosity: 'low',
  reasoning_effort: 'low',
};

function isTaken(target: Target, name: string): boolean {
  const changes: Change[] = [];
  try {
    const body = { messages: [{ role: 'user', content: 'Hi' }], [name]: USES[name] };
    target.adapter.buildRequest(inputOf({ body, withoutText: true }), target, changes);
  } catch {
    return false;
  }
  return !changes.some(({ field, action }) => field === name && action === 'dropped');
}

describe.each(samples)('$name', (sample) => {
  const target = targetOfSample(sample);

  test('takes what it is said to take, and nothing else', () => {
    const said = new Set(supportedParams(target));
    const differing = Object.keys(USES).filter((name) => said.has(name) !== isTaken(target, name));
    expect(differing).toEqual([]);
  });

  test('can be asked for a stream and for its end', () => {
    expect(supportedParams(target)).toContain('stream');
    const names = new Set(supportedParams(target));
    expect(names.has('max_tokens') || names.has('max_completion_tokens')).toBe(true);
  });
});

describe('a list', () => {
  test('is of the model, not of the provider', () => {
    const [plain, reasoning] = ['openai/gpt-4o', 'openai/o3'].map((model) => supportedParams(targetOf(model)));
    expect(plain).toContain('temperature');
    expect(reasoning).not.toContain('temperature');
    expect(reasoning).toContain('reasoning_effort');
  });

  test('is of the deployment: what it may send all the same counts, what it drops does not', () => {
    const asIs = targetOf('anthropic/claude-sonnet-4-5');
    expect(supportedParams(asIs)).not.toContain('seed');
    expect(supportedParams({ ...asIs, allowedParams: ['seed'] })).toContain('seed');
    expect(supportedParams({ ...asIs, additionalDropParams: ['temperature'] })).not.toContain('temperature');
    expect(supportedParams({ ...asIs, dropParams: true })).toEqual(supportedParams(asIs));
  });

  test('says nothing of the operator’s own defaults', () => {
    const asIs = targetOf('anthropic/claude-sonnet-4-5');
    expect(supportedParams({ ...asIs, defaults: { seed: 7, temperature: 0.1 } })).toEqual(supportedParams(asIs));
  });

  test('is empty where no request can be made', () => {
    const target = targetOf('openai/gpt-4o');
    const buildRequest = (): never => {
      throw new TypeError('A model of no kind');
    };
    expect(supportedParams({ ...target, adapter: { ...target.adapter, buildRequest } })).toEqual([]);
  });

  test('is found once', () => {
    const target = targetOf('openai/gpt-4o');
    let built = 0;
    const watched: Target = {
      ...target,
      adapter: {
        ...target.adapter,
        buildRequest: (...given) => {
          built += 1;
          return target.adapter.buildRequest(...given);
        },
      },
    };
    const first = supportedParams(watched);
    const asked = built;
    expect(supportedParams(watched)).toBe(first);
    expect({ asked: asked > 20, again: built - asked }).toEqual({ asked: true, again: 0 });
  });
});
