import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { type AccumulatedCall, accumulate } from '../../test/support/accumulate-chunks.ts';
import type { ChatChunk } from '../wire/openai.ts';
import { ToolCallSlots } from './tool-calls.ts';

const slots = () => {
  let made = 0;
  return new ToolCallSlots(() => `made${++made}`);
};

/** What a client has after the pieces, each in an event of its own. */
function afterwards(pieces: readonly unknown[]): AccumulatedCall[] {
  const own = slots();
  const chunks = pieces.map((piece) => ({ choices: [{ index: 0, delta: { tool_calls: own.take([piece]) } }] }));
  return accumulate(chunks as unknown as ChatChunk[]).calls;
}

const A = { id: 'a', type: 'function', name: 'first', arguments: '{"x":1}' };
const B = { id: 'b', type: 'function', name: 'second', arguments: '{"y":2}' };

describe('two calls', () => {
  const open = (call: AccumulatedCall, index: number | undefined) => ({
    ...(index !== undefined && { index }),
    id: call.id,
    type: 'function',
    function: { name: call.name, arguments: '' },
  });
  const more = (text: string, rest: object = {}) => ({ ...rest, function: { arguments: text } });

  test.each<[string, unknown[]]>([
    ['as OpenAI sends them', [open(A, 0), more('{"x":1}', { index: 0 }), open(B, 1), more('{"y":2}', { index: 1 })]],
    [
      'interleaved',
      [open(A, 0), open(B, 1), more('{"y"', { index: 1 }), more('{"x":1}', { index: 0 }), more(':2}', { index: 1 })],
    ],
    ['all numbered 0', [open(A, 0), more('{"x":1}', { index: 0 }), open(B, 0), more('{"y":2}', { index: 0 })]],
    ['without numbers', [open(A, undefined), more('{"x":1}'), open(B, undefined), more('{"y":2}')]],
    ['told apart by id only', [open(A, 0), open(B, 0), more('{"x":1}', { id: 'a' }), more('{"y":2}', { id: 'b' })]],
    [
      'with ids repeated',
      [open(A, 0), more('{"x":1}', { index: 0, id: 'a' }), open(B, 1), more('{"y":2}', { index: 1, id: 'b' })],
    ],
    [
      'with empty ids',
      [open(A, 0), more('{"x":1}', { index: 0, id: '' }), open(B, 1), more('{"y":2}', { index: 1, id: '' })],
    ],
    [
      'with names and types repeated',
      [A, B].flatMap((call, index) => [
        open(call, index),
        { index, id: call.id, type: 'function', function: { name: call.name, arguments: call.arguments } },
      ]),
    ],
    [
      'whole in one event each',
      [A, B].map(({ id, name, arguments: text }) => ({ id, function: { name, arguments: text } })),
    ],
    [
      'with arguments as objects',
      [A, B].map(({ id, name, arguments: text }) => ({ id, function: { name, arguments: JSON.parse(text) } })),
    ],
    ['numbered from 1', [open(A, 1), more('{"x":1}', { index: 1 }), open(B, 2), more('{"y":2}', { index: 2 })]],
  ])('%s come out as two', (_, pieces) => {
    expect(afterwards(pieces)).toEqual([A, B]);
  });

  test('in one event are two', () => {
    const taken = slots().take([open(A, 0), open(B, 0)]);
    expect(taken.map(({ index, id }) => [index, id])).toEqual([
      [0, 'a'],
      [1, 'b'],
    ]);
  });
});

test('a call without an id gets one, and keeps it', () => {
  const pieces = [
    { index: 0, function: { name: 'f', arguments: '{' } },
    { index: 0, function: { arguments: '}' } },
  ];
  expect(afterwards(pieces)).toEqual([{ id: 'call_made1', type: 'function', name: 'f', arguments: '{}' }]);
});

test('a name that comes late still arrives, once', () => {
  const pieces = [
    { index: 0, id: 'a', function: {} },
    { index: 0, function: { name: 'f' } },
    { index: 0, function: { name: 'f', arguments: '{}' } },
  ];
  expect(afterwards(pieces)).toEqual([{ id: 'a', type: 'function', name: 'f', arguments: '{}' }]);
});

test('what says nothing opens nothing', () => {
  const own = slots();
  expect(own.take([{ index: 0 }, null, 'x', 7])).toEqual([{ index: 0 }]);
  expect(own.used).toBe(false);
});

test('members of a call that nobody knows are kept', () => {
  const [piece] = slots().take([
    { index: 0, id: 'a', extra_content: { google: 'sig' }, function: { name: 'f', own: 1 } },
  ]);
  expect(piece).toMatchObject({ extra_content: { google: 'sig' }, function: { own: 1 } });
});

interface SampleCall {
  readonly name: string;
  readonly cuts: readonly string[];
}

interface Habits {
  readonly repeatsId: boolean;
  readonly repeatsName: boolean;
  readonly emptyId: boolean;
  readonly alwaysZero: boolean;
}

/** An upstream's pieces of one call. Who numbers all calls 0 must name them each time: otherwise nobody could tell. */
function piecesOf({ name, cuts }: SampleCall, at: number, habits: Habits): unknown[] {
  const { repeatsId, repeatsName, emptyId, alwaysZero } = habits;
  const index = alwaysZero ? 0 : at;
  const id = `id-${at}`;
  const namesItself = repeatsId || alwaysZero;
  const silent = emptyId ? { id: '' } : {};
  const again = namesItself && repeatsName ? { name } : {};
  return [
    { index, id, type: 'function', function: { name, arguments: '' } },
    ...cuts.map((text) => ({ index, ...(namesItself ? { id } : silent), function: { ...again, arguments: text } })),
  ];
}

/** The pieces of all calls, in an order that keeps each call's own; and the calls in the order they were opened. */
function mixed(queues: unknown[][], order: Iterator<number>): { pieces: unknown[]; opened: number[] } {
  const pieces: unknown[] = [];
  const opened = new Set<number>();
  for (;;) {
    const open = [...queues.keys()].filter((at) => (queues[at] ?? []).length > 0);
    if (open.length === 0) return { pieces, opened: [...opened] };
    const at = open[Number(order.next().value) % open.length] ?? 0;
    opened.add(at);
    pieces.push(queues[at]?.shift());
  }
}

test('any number of calls, cut and mixed in any way, comes out as it was', () => {
  const call = fc.record({
    name: fc.constantFrom('f', 'g', 'h'),
    cuts: fc.array(fc.string({ maxLength: 4 }), { maxLength: 5 }),
  });
  const habits = fc.record({
    repeatsId: fc.boolean(),
    repeatsName: fc.boolean(),
    emptyId: fc.boolean(),
    alwaysZero: fc.boolean(),
  });
  const calls = fc.array(call, { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(calls, habits, fc.infiniteStream(fc.nat()), (sample, habit, order) => {
      const { pieces, opened } = mixed(
        sample.map((one, at) => piecesOf(one, at, habit)),
        order,
      );
      const expected = opened.map((at) => {
        const { name = '', cuts = [] } = sample[at] ?? {};
        return { id: `id-${at}`, type: 'function', name, arguments: cuts.join('') };
      });
      expect(afterwards(pieces)).toEqual(expected);
    }),
    { numRuns: 300 },
  );
});
