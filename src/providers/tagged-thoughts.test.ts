import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { targetOf } from '../../test/support/provider-parts.ts';
import type { ChatChunk, ChatCompletion } from '../wire/openai.ts';
import { thoughtsApart, thoughtsApartInStream } from './tagged-thoughts.ts';

const completion = (message: object): ChatCompletion => ({
  id: 'c',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', ...message } as never, finish_reason: 'stop' }],
});

const whole = (content: string) => {
  const message = thoughtsApart(completion({ content })).choices[0]?.message;
  return { text: message?.content, thoughts: message?.['reasoning_content'] ?? '' };
};

const chunk = (delta: object, finish: string | null = null, index = 0): string =>
  JSON.stringify({ id: 'c', created: 1, model: 'm', choices: [{ index, delta, finish_reason: finish }] });

const decode = (data: string): ChatChunk[] => [JSON.parse(data)];

function streamed(events: readonly string[], index = 0) {
  const take = thoughtsApartInStream(decode);
  const deltas = events.flatMap(take).flatMap(({ choices }) => choices.filter((choice) => choice.index === index));
  const joined = (name: string): string => deltas.map(({ delta }) => String(delta[name] ?? '')).join('');
  return { text: joined('content'), thoughts: joined('reasoning_content') };
}

const inPieces = (pieces: readonly string[]) =>
  streamed([...pieces.map((content) => chunk({ content })), chunk({}, 'stop')]);

describe('thoughts between tags', () => {
  test.each([
    ['<think>Hm.</think>Yes.', 'Hm.', 'Yes.'],
    ['\n<think>\nHm.\n</think>\n\nYes.', '\nHm.\n', '\n\nYes.'],
    ['<thinking>a <b> c</thinking>d', 'a <b> c', 'd'],
    ['<budget:thinking>a</budget:thinking>', 'a', ''],
    ['<think></think>Yes.', '', 'Yes.'],
    ['<think>cut off', 'cut off', ''],
    ['<think>cut off</thi', 'cut off</thi', ''],
    ['Yes <think>no</think>', '', 'Yes <think>no</think>'],
    ['<thin', '', '<thin'],
    ['<thinker>x', '', '<thinker>x'],
    ['', '', ''],
    ['<think>a</think>b</think>c', 'a', 'b</think>c'],
  ])('of %j are %j, and the text is %j, whole and cut anywhere', (content, thoughts, text) => {
    expect(whole(content)).toEqual({ text, thoughts });
    for (let at = 0; at <= content.length; at++) {
      expect(inPieces([content.slice(0, at), content.slice(at)])).toEqual({ text, thoughts });
    }
    expect(inPieces([...content])).toEqual({ text, thoughts });
  });

  test('come out the same however a stream is cut', () => {
    const word = fc.constantFrom('<think>', '</think>', '<thinking>', '</', '<', ' ', 'a', '\n', 'think>');
    fc.assert(
      fc.property(fc.array(word, { maxLength: 8 }), fc.array(fc.nat(40), { maxLength: 5 }), (words, cuts) => {
        const content = words.join('');
        const edges = [0, ...cuts.map((cut) => Math.min(cut, content.length)).sort((a, b) => a - b), content.length];
        const pieces = edges.slice(1).map((edge, at) => content.slice(edges[at], edge));
        expect(inPieces(pieces)).toEqual(whole(content) as ReturnType<typeof inPieces>);
      }),
      { numRuns: 300 },
    );
  });

  test('are left where the provider tells thoughts apart itself', () => {
    const message = { content: '<think>quoted</think>', reasoning_content: 'Hm.' };
    expect(thoughtsApart(completion(message)).choices[0]?.message).toMatchObject(message);
    const events = [
      chunk({ reasoning_content: 'Hm.' }),
      chunk({ content: '<think>quoted</think>' }),
      chunk({}, 'stop'),
    ];
    expect(streamed(events)).toEqual({ text: '<think>quoted</think>', thoughts: 'Hm.' });
  });

  test('end where a tool is called, and nothing that waited is lost', () => {
    const call = { index: 0, id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } };
    const events = [chunk({ content: '<think>Hm.</th' }), chunk({ tool_calls: [call] }), chunk({}, 'tool_calls')];
    expect(streamed(events)).toEqual({ text: '', thoughts: 'Hm.</th' });
  });

  test('are not waited for behind more blanks than a model writes, in which nothing is lost', () => {
    const blanks = Array.from({ length: 15_000 }, () => '  \n  ');
    const startedAtMs = performance.now();
    expect(inPieces([...blanks, '<think>Hm.</think>'])).toEqual({
      text: `${blanks.join('')}<think>Hm.</think>`,
      thoughts: '',
    });
    expect(performance.now() - startedAtMs).toBeLessThan(1_000);
    expect(inPieces([...blanks.slice(0, 100), '<think>Hm.</think>Yes'])).toEqual({ text: 'Yes', thoughts: 'Hm.' });
  });

  test('are told apart in each choice by itself', () => {
    const events = [
      chunk({ content: '<think>a' }, null, 1),
      chunk({ content: 'b' }, null, 0),
      chunk({ content: 'c</think>d' }, 'stop', 1),
    ];
    expect(streamed(events, 1)).toEqual({ text: 'd', thoughts: 'ac' });
    expect(streamed(events, 0)).toEqual({ text: 'b', thoughts: '' });
  });

  test('leave contents that are no text alone', () => {
    expect(thoughtsApart(completion({ content: null })).choices[0]?.message.content).toBeNull();
  });
});

test.each(['hosted_vllm/m', 'lm_studio/m', 'xinference/m'])('%s may leave its thoughts in the text', (model) => {
  const own = targetOf(model, { baseUrl: 'https://own.example' });
  const message = { role: 'assistant', content: '<think>Hm.</think>Yes.' };
  const answer = own.adapter.parseResponse({ choices: [{ index: 0, message, finish_reason: 'stop' }] }, own);
  expect(answer.choices[0]?.message).toMatchObject({ content: 'Yes.', reasoning_content: 'Hm.' });
});
