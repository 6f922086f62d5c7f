/** What a provider promises that speaks OpenAI's dialect, beside the examination of all: bodies go on as they came. */
import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { accumulate } from './accumulate-chunks.ts';
import { ask, inputOf } from './provider-parts.ts';
import { type Sample, targetOfSample } from './provider-samples.ts';

/** @param adds body members that the provider wants beside what OpenAI's clients send */
export function describeOpenAiDialect(sample: Sample, adds: readonly string[] = []): void {
  describe(`${sample.name}, as OpenAI`, () => {
    describeBodies(sample, adds);
    for (const { name, whole, events } of sample.recordings) {
      if (whole !== undefined) describeAdditions(sample, name, whole);
      if (events) describeSplits(sample, name, events);
    }
  });
}

/** Parameters that an OpenAI client may send, with values that are right for OpenAI. */
const KNOWN: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  stream: fc.boolean(),
  temperature: fc.constantFrom(0, 0.7, 1),
  top_p: fc.constant(0.9),
  n: fc.constantFrom(1, 2),
  stop: fc.constant(['\n', 'END']),
  max_tokens: fc.constant(64),
  max_completion_tokens: fc.constant(64),
  seed: fc.constant(7),
  user: fc.constant('u-1'),
  tools: fc.constant([{ type: 'function', function: { name: 'f', strict: true, parameters: { type: 'object' } } }]),
  tool_choice: fc.constantFrom('auto', 'required', { type: 'function', function: { name: 'f' } }),
  response_format: fc.constant({ type: 'json_object' }),
  reasoning_effort: fc.constant('low'),
  stream_options: fc.constantFrom({ include_usage: false }, { include_usage: true, include_obfuscation: false }),
  logit_bias: fc.constant({ '50256': -100 }),
};

function describeBodies(sample: Sample, adds: readonly string[]): void {
  const target = targetOfSample(sample);

  test('sends nothing that was not asked for, and leaves a trace of what is missing', () => {
    fc.assert(
      fc.property(fc.record(KNOWN, { requiredKeys: [] }), fc.boolean(), (body, withoutText) => {
        const { sent, changes } = ask(target, { body, dropParams: true, withoutText });
        const allowed = new Set(['model', 'messages', 'stream_options', ...Object.keys(body), ...adds]);
        for (const { action, note } of changes) if (action === 'renamed') allowed.add(note);
        expect(Object.keys(sent).filter((key) => !allowed.has(key))).toEqual([]);
        // How usage is delivered leaves none.
        const traced = new Set(['stream_options', ...changes.map(({ field }) => field)]);
        expect(Object.keys(body).filter((key) => !(key in sent) && !traced.has(key))).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  test('passes on what it does not know, digit for digit', () => {
    const body = { new_parameter: { deep: [1, { er: null }] }, top_k: 40 };
    expect(ask(target, { body }).sent).toMatchObject(body);
    const text = '{"model":"asked","messages":[{"role":"user","content":"Hi"}],"id": 12345678901234567890}';
    const input = { ...inputOf(), text, request: JSON.parse(text) };
    expect(sample.adapter.buildRequest(input, target, []).body).toContain('"id": 12345678901234567890');
  });

  test('names the model as the provider does, and says nothing of it', () => {
    const { sent, changes } = ask(target);
    expect(String(sent['model']).endsWith(sample.model)).toBe(true);
    expect(changes).toEqual([]);
  });
}

function describeAdditions(sample: Sample, name: string, text: string): void {
  test(`keeps what the provider adds to "${name}"`, () => {
    const addition = { kept: true };
    const raw = { ...JSON.parse(text), addition };
    expect(sample.adapter.parseResponse(raw, targetOfSample(sample))).toMatchObject({ addition });
  });
}

/** More would only repeat. */
const MOST_EVENTS = 60;

function describeSplits(sample: Sample, name: string, events: readonly string[]): void {
  const some = events.slice(0, MOST_EVENTS);
  const read = (given: readonly string[]) => {
    const decode = sample.adapter.createStreamDecoder(targetOfSample(sample));
    return { ...accumulate(given.flatMap((event) => decode(event))), usage: undefined };
  };

  test(`"${name}" is the same however its texts are cut into events`, () => {
    const plain = read(some);
    for (const step of [1, 3]) expect(read(some.flatMap((event) => splitEvent(event, step)))).toEqual(plain);
  });
}

/** An event whose text delta is longer than `at`, as two events; finish and usage stay with the second. */
function splitEvent(event: string, at: number): string[] {
  const chunk = JSON.parse(event);
  const [choice] = chunk.choices;
  const field = ['content', 'reasoning_content', 'reasoning'].find(
    (name) => typeof choice?.delta?.[name] === 'string' && choice.delta[name].length > at,
  );
  if (field === undefined || choice.delta.tool_calls) return [event];
  const withText = (text: string, finish: unknown): string =>
    JSON.stringify({
      ...chunk,
      choices: [{ ...choice, delta: { ...choice.delta, [field]: text }, finish_reason: finish }],
    });
  const text: string = choice.delta[field];
  return [withText(text.slice(0, at), null), withText(text.slice(at), choice.finish_reason ?? null)];
}
