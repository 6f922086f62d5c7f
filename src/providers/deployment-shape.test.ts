import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { ask, targetFor } from '../../test/support/provider-parts.ts';
import { withShape } from './deployment-shape.ts';
import { openai } from './openai.ts';

type Message = Readonly<Record<string, unknown>>;
const system = (content: unknown): Message => ({ role: 'system', content });
const user = (content: unknown): Message => ({ role: 'user', content });
const assistant = (content: unknown): Message => ({ role: 'assistant', content });
const CALL = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } };
const calling: Message = { role: 'assistant', content: null, tool_calls: [CALL] };
const result: Message = { role: 'tool', tool_call_id: 'c', content: '1' };

const asked = (settings: Record<string, unknown>, messages: readonly Message[]) =>
  ask(targetFor(withShape(openai, settings)), { body: { messages } });
const sent = (settings: Record<string, unknown>, messages: readonly Message[]) =>
  asked(settings, messages).sent['messages'];

test('an adapter of which nothing is asked stays what it is', () => {
  expect(withShape(openai, {})).toBe(openai);
  expect(withShape(openai, { supports_system_message: true, ensure_alternating_roles: false })).toBe(openai);
});

describe('a model without system messages', () => {
  const WITHOUT = { supports_system_message: false };

  test.each([
    [[system('S'), user('U')], [user('S\n\nU')]],
    [[system('S'), { role: 'developer', content: 'D' }, user('U')], [user('S\n\nD\n\nU')]],
    [
      [user('U'), assistant('A'), system('S')],
      [user('U'), assistant('A'), user('S')],
    ],
    [
      [system('S'), assistant('A'), user('U')],
      [user('S'), assistant('A'), user('U')],
    ],
    [
      [system('S'), user([{ type: 'text', text: 'U' }])],
      [
        user([
          { type: 'text', text: 'S' },
          { type: 'text', text: 'U' },
        ]),
      ],
    ],
  ])('gets %j as %j', (messages, expected) => {
    const { sent: body, changes } = asked(WITHOUT, messages);
    expect(body['messages']).toEqual(expected);
    expect(changes).toEqual([{ field: 'messages', action: 'emulated', note: 'system messages as the user’s' }]);
  });

  test('gets everything else as it came', () => {
    const { changes, body } = asked(WITHOUT, [user('U'), assistant('A'), user('V')]);
    expect(changes).toEqual([]);
    expect(JSON.parse(body).messages).toHaveLength(3);
  });
});

describe('a model whose roles must alternate', () => {
  const ON = { ensure_alternating_roles: true };
  const [MORE, SAID] = [user('Please continue.'), assistant('Please continue.')];

  test.each([
    [
      [user('a'), user('b')],
      [user('a'), SAID, user('b')],
    ],
    [
      [user('a'), assistant('b'), assistant('c'), user('d')],
      [user('a'), assistant('b'), MORE, assistant('c'), user('d')],
    ],
    [
      [assistant('a'), user('b')],
      [MORE, assistant('a'), user('b')],
    ],
    [
      [system('s'), assistant('a'), user('b')],
      [system('s'), MORE, assistant('a'), user('b')],
    ],
    [
      [user('a'), assistant('b')],
      [user('a'), assistant('b'), MORE],
    ],
    [
      [user('a'), calling, result],
      [user('a'), calling, result],
    ],
    [
      [user('a'), calling, result, assistant('b'), user('c')],
      [user('a'), calling, result, assistant('b'), user('c')],
    ],
    [
      [user('a'), calling, result, user('c')],
      [user('a'), calling, result, SAID, user('c')],
    ],
  ])('gets %j as %j', (messages, expected) => {
    expect(sent(ON, messages)).toEqual(expected);
  });

  test('gets the operator’s own words in between', () => {
    const own = { ...ON, user_continue_message: user('Go on'), assistant_continue_message: assistant('Yes') };
    expect(sent(own, [user('a'), user('b'), assistant('c')])).toEqual([
      ...[user('a'), assistant('Yes'), user('b')],
      ...[assistant('c'), user('Go on')],
    ]);
  });

  test('gets turns of both in turn, all that was said among them, whatever it was', () => {
    const message = fc.constantFrom(user('u'), assistant('a'));
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 8 }), (messages) => {
        const all = sent(ON, messages) as Message[];
        expect(all.every(({ role }, at) => role === (at % 2 === 0 ? 'user' : 'assistant'))).toBe(true);
        expect(all.at(-1)?.['role']).toBe('user');
        expect(all.filter(({ content }) => content !== 'Please continue.')).toEqual(messages);
      }),
      { numRuns: 200 },
    );
  });

  test('together with the one before, gets system messages first as the user’s', () => {
    expect(sent({ ...ON, supports_system_message: false }, [system('s'), assistant('a'), user('b')])).toEqual([
      ...[user('s'), assistant('a'), user('b')],
    ]);
  });
});

describe('thoughts in the text', () => {
  const target = targetFor(withShape(openai, { merge_reasoning_content_in_choices: true }));
  const choice = (message: object) => ({ index: 0, message, finish_reason: 'stop' });
  const said = (deltas: readonly object[], finish: string | null = 'stop'): string => {
    const decode = target.adapter.createStreamDecoder(target);
    const events = deltas.map((delta, at) => ({
      id: 'c',
      model: 'm',
      choices: [{ index: 0, delta, finish_reason: at === deltas.length - 1 ? finish : null }],
    }));
    const chunks = events.flatMap((event) => decode(JSON.stringify(event)));
    expect(JSON.stringify(chunks)).not.toContain('reasoning_content');
    return chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta.content ?? '')).join('');
  };

  test('stand between tags, whole', () => {
    const read = (message: object) =>
      target.adapter.parseResponse({ choices: [choice(message)] }, target).choices[0]?.message;
    expect(read({ role: 'assistant', content: 'Yes.', reasoning_content: 'Hm.' })).toEqual({
      role: 'assistant',
      content: '<think>Hm.</think>Yes.',
    });
    expect(read({ role: 'assistant', content: 'Yes.' })?.content).toBe('Yes.');
    expect(target.adapter.relaysBytes).toBe(false);
  });

  test.each([
    [[{ reasoning_content: 'H' }, { reasoning_content: 'm.' }, { content: 'Yes.' }, {}], '<think>Hm.</think>Yes.'],
    [[{ reasoning_content: 'Hm.' }, { tool_calls: [{ ...CALL, index: 0 }] }, {}], '<think>Hm.</think>'],
    [[{ reasoning_content: 'Hm.' }, {}], '<think>Hm.</think>'],
    [[{ content: 'Yes.' }, {}], 'Yes.'],
    [[{ reasoning_content: '', content: 'Yes.' }, {}], 'Yes.'],
    [[{ reasoning_content: 'Hm.', content: 'Yes.' }, {}], '<think>Hm.</think>Yes.'],
  ])('stand between tags when streamed: %j', (deltas, text) => {
    expect(said(deltas)).toBe(text);
  });
});

test.each([
  [{ supports_system_message: 'no' }, 'supports_system_message must be true or false'],
  [{ user_continue_message: 'Go on' }, 'user_continue_message must be a message'],
  [{ assistant_continue_message: user('x') }, 'assistant_continue_message must be a message'],
])('%j stops the start', (settings, reason) => {
  expect(() => withShape(openai, settings)).toThrow(reason);
});
