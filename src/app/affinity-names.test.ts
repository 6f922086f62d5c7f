import { describe, expect, test } from 'bun:test';
import { sampleCall, sampleCaller } from '../../test/support/call-parts.ts';
import type { AffinityConfig } from '../config/config.ts';
import type { Call } from '../gateway/call.ts';
import { affinityNames } from './affinity-names.ts';

const OFF: AffinityConfig = { session: false, key: false, response: false, prompt: false, ttlMs: 1_000 };
const only = (kind: 'session' | 'key' | 'response' | 'prompt'): AffinityConfig => ({ ...OFF, [kind]: true });
const ALL: AffinityConfig = { session: true, key: true, response: true, prompt: true, ttlMs: 1_000 };

const LONG = 'Rules of the house. '.repeat(300);
const system = (content: unknown) => ({ role: 'system', content }) as never; // Only what the names look at.
const user = (content: unknown) => ({ role: 'user', content }) as never;
const asking = (messages: readonly never[], request: object = {}): Call =>
  sampleCall({ request: { messages: [...messages], ...request } });

describe('nothing is kept together', () => {
  test('until it is switched on', () => {
    const call = sampleCall({ controls: { sessionId: 's' }, request: { previous_response_id: 'r' } });
    expect(affinityNames(call, OFF)).toEqual([]);
    expect(affinityNames(call, ALL)).toHaveLength(3);
  });

  test('by a session, an answer or a prompt that a call does not have', () => {
    for (const kind of ['session', 'response', 'prompt'] as const) {
      expect(affinityNames(sampleCall(), only(kind))).toEqual([]);
    }
  });
});

describe('a name', () => {
  const named = (kind: 'session' | 'key' | 'response' | 'prompt', over: Partial<Call> = {}): readonly string[] =>
    affinityNames(
      {
        ...sampleCall({
          controls: { sessionId: 's' },
          request: { previous_response_id: 'r', messages: [system(LONG), user('Hi')] },
        }),
        ...over,
      },
      only(kind),
    );

  test.each(['session', 'key', 'response', 'prompt'] as const)('of a %s is one tenant’s and one model’s', (kind) => {
    const [name] = named(kind);
    expect(name).toStartWith(`${kind} `);
    expect(named(kind)).toEqual([name ?? '']);
    expect(named(kind, { caller: sampleCaller({ keyHash: 'b'.repeat(64) }) })).not.toEqual([name ?? '']);
    expect(named(kind, { modelGroup: 'another' })).not.toEqual([name ?? '']);
  });

  test('holds no prompt', () => {
    expect(named('prompt').join()).not.toContain('Rules');
  });

  test('of the closer tie comes first', () => {
    const call = sampleCall({
      controls: { sessionId: 's' },
      request: { previous_response_id: 'r', messages: [system(LONG), user('Hi')] },
    });
    expect(affinityNames(call, ALL).map((name) => name.split(' ')[0])).toEqual([
      ...['response', 'session', 'prompt', 'key'],
    ]);
  });
});

describe('an earlier answer', () => {
  test('is found by its id, which it is remembered under once it is there', () => {
    const first = affinityNames(sampleCall(), only('response'), 'chatcmpl-1');
    const second = affinityNames(sampleCall({ request: { previous_response_id: 'chatcmpl-1' } }), only('response'));
    expect(first).toEqual(second);
    expect(first).toHaveLength(1);
  });

  test('takes the place of the one before it', () => {
    const call = sampleCall({ request: { previous_response_id: 'chatcmpl-1' } });
    expect(affinityNames(call, only('response'), 'chatcmpl-2')).toEqual([expect.stringContaining('chatcmpl-2')]);
    expect(affinityNames(call, only('response'), null)).toEqual([expect.stringContaining('chatcmpl-1')]);
  });

  test('that is no text is none', () => {
    expect(affinityNames(sampleCall({ request: { previous_response_id: 7 } }), only('response'))).toEqual([]);
  });
});

describe('the beginning of a prompt', () => {
  const names = (call: Call): readonly string[] => affinityNames(call, only('prompt'));

  test('goes up to the first question, whatever follows', () => {
    const one = names(asking([system(LONG), user('Hi')]));
    expect(one).toHaveLength(1);
    expect(
      names(asking([system(LONG), user('Hi'), { role: 'assistant', content: 'Yes?' } as never, user('And?')])),
    ).toEqual(one);
    expect(names(asking([system(`${LONG}!`), user('Hi')]))).not.toEqual(one);
    expect(names(asking([system(LONG), user('Hello')]))).not.toEqual(one);
  });

  test('goes up to the last mark of the client’s, where there is one', () => {
    const marked = system([{ type: 'text', text: LONG, cache_control: { type: 'ephemeral' } }]);
    const one = names(asking([marked, user('Hi')]));
    expect(one).toHaveLength(1);
    expect(names(asking([marked, user('Something else')]))).toEqual(one);
  });

  test('has the tools in it', () => {
    const tools = [{ type: 'function', function: { name: 'f' } }];
    expect(names(asking([system(LONG), user('Hi')], { tools }))).not.toEqual(names(asking([system(LONG), user('Hi')])));
  });

  test('is too short to be cached below four thousand characters', () => {
    expect(names(asking([system('Be brief.'), user('Hi')]))).toEqual([]);
    expect(names(asking([user('x'.repeat(4_000))]))).toEqual([]);
    expect(names(asking([user('x'.repeat(4_096))]))).toHaveLength(1);
  });

  test('is nothing without a question', () => {
    expect(names(asking([]))).toEqual([]);
    expect(names(asking([system(LONG)]))).toEqual([]);
  });
});
