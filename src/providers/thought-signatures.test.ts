import { describe, expect, test } from 'bun:test';
import { ask, targetOf } from '../../test/support/provider-parts.ts';
import { plainCallId, SignatureMemory, signatureFields, signatureOf } from './thought-signatures.ts';

const HOUR_MS = 3_600_000;

describe('the memory of signatures', () => {
  const call = { id: 'c1', name: 'f', args: { a: 1, b: { c: [2] } } };

  test('gives back what belongs to the very same call, however its arguments are ordered', () => {
    const memory = new SignatureMemory();
    memory.keep(call, 'SIG');
    expect(memory.find({ ...call, args: { b: { c: [2] }, a: 1 } })).toBe('SIG');
    expect(memory.find({ ...call, id: 'c2' })).toBeUndefined();
    expect(memory.find({ ...call, name: 'g' })).toBeUndefined();
    expect(memory.find({ ...call, args: { a: 2, b: { c: [2] } } })).toBeUndefined();
  });

  test('keeps nothing of calls that are not signed', () => {
    const memory = new SignatureMemory();
    memory.keep(call, undefined);
    expect(memory.find(call)).toBeUndefined();
  });

  test('forgets after an hour', () => {
    let nowMs = 1_000;
    const memory = new SignatureMemory({ now: () => nowMs });
    memory.keep(call, 'SIG');
    nowMs += HOUR_MS - 1;
    expect(memory.find(call)).toBe('SIG');
    nowMs += 2;
    expect(memory.find(call)).toBeUndefined();
  });

  test('is bounded: the oldest go first, and one that is absurdly long is not kept', () => {
    const memory = new SignatureMemory();
    const long = 'x'.repeat(1_000_000);
    for (let at = 0; at < 40; at++) memory.keep({ ...call, id: `c${at}` }, long);
    expect(memory.find({ ...call, id: 'c0' })).toBeUndefined();
    expect(memory.find({ ...call, id: 'c39' })).toBe(long);
    memory.keep({ ...call, id: 'huge' }, 'x'.repeat(2_000_000));
    expect(memory.find({ ...call, id: 'huge' })).toBeUndefined();
  });
});

describe('a signature', () => {
  test('is found wherever clients keep it', () => {
    expect(signatureOf(signatureFields('S'))).toBe('S');
    expect(signatureOf({ id: 'call_1__thought__S' })).toBe('S');
    expect(signatureOf({ id: 'call_1__thought__' })).toBeUndefined();
    expect(signatureOf({ extra_content: 'x', provider_specific_fields: [], id: 5 })).toBeUndefined();
    expect(signatureFields(undefined)).toEqual({});
  });

  test("is split off LiteLLM's ids", () => {
    expect(plainCallId('call_1__thought__S')).toBe('call_1');
    expect(plainCallId('call_1')).toBe('call_1');
  });
});

describe('other providers', () => {
  const made = { name: 'f', arguments: '{}' };
  const messages = [
    { role: 'user', content: 'Hi' },
    {
      role: 'assistant',
      content: null,
      provider_specific_fields: { thought_signatures: ['T'] },
      extra_content: { google: { thought_signature: 'T' } },
      tool_calls: [
        { id: 'call_1__thought__S', type: 'function', function: made, ...signatureFields('S') },
        { id: 'call_2', type: 'function', function: made },
      ],
    },
    { role: 'tool', tool_call_id: 'call_1__thought__S', content: 'x' },
    { role: 'tool', tool_call_id: 'call_2', content: 'y' },
  ];
  const clean = [
    { role: 'user', content: 'Hi' },
    {
      role: 'assistant',
      content: null,
      tool_calls: [
        { id: 'call_1', type: 'function', function: made },
        { id: 'call_2', type: 'function', function: made },
      ],
    },
    { role: 'tool', tool_call_id: 'call_1', content: 'x' },
    { role: 'tool', tool_call_id: 'call_2', content: 'y' },
  ];

  test.each(['openai/gpt-4o', 'azure/my-deployment', 'together_ai/m', 'hosted_vllm/m'])(
    '%s never see them',
    (model) => {
      const { sent, changes } = ask(targetOf(model), { body: { messages } });
      expect(sent['messages']).toEqual(clean);
      expect(changes).toContainEqual({
        field: 'messages',
        action: 'dropped',
        note: 'thought signatures of another provider',
      });
    },
  );

  test("Google's own OpenAI-compatible API and gateways get them", () => {
    const google = targetOf('openai/gemini-3-flash-preview', {
      baseUrl: 'https://generativelanguage.googleapis.com/v1beta/openai',
    });
    expect(ask(google, { body: { messages } }).sent['messages']).toEqual(messages);
    expect(ask(targetOf('litellm_proxy/m'), { body: { messages } }).sent['messages']).toEqual(messages);
    const lookalike = targetOf('openai/m', { baseUrl: 'https://evil.example/.googleapis.com' });
    expect(ask(lookalike, { body: { messages } }).sent['messages']).toEqual(clean);
  });

  test('what has no signatures is sent as it came, byte for byte', () => {
    const body = { messages: clean, temperature: 1 };
    const { sent, changes } = ask(targetOf('openai/gpt-4o'), { body });
    expect(sent['messages']).toEqual(clean);
    expect(changes).toEqual([]);
    const other = [{ role: 'assistant', content: 'x', annotations: [], extra_content: { mine: 1 } }];
    expect(ask(targetOf('openai/gpt-4o'), { body: { messages: other } }).sent['messages']).toEqual(other);
  });

  test('OpenAI and Azure are not sent what other providers said in their own words', () => {
    const said = { role: 'assistant', content: 'x', tool_calls: undefined, annotations: [] };
    const foreign = {
      ...{ thinking_blocks: [{ type: 'thinking', thinking: 'hm', signature: 'S' }], reasoning_content: 'hm' },
      ...{ provider_specific_fields: { citations: [] }, images: [] },
    };
    const body = {
      messages: [
        { ...said, ...foreign },
        { role: 'user', content: 'y' },
      ],
    };
    const rest = { role: 'assistant', content: 'x', annotations: [] };
    for (const model of ['openai/gpt-4o', 'azure/my-deployment']) {
      const { sent, changes } = ask(targetOf(model), { body });
      expect(sent['messages']).toEqual([rest, { role: 'user', content: 'y' }]);
      expect(changes.map(({ field, action }) => `${action} ${field}`)).toContain('dropped messages');
    }
    // A server of one's own may want to know what it thought.
    const own = targetOf('openai/my-model', { baseUrl: 'http://vllm:8000/v1' });
    expect(ask(own, { body }).sent['messages']).toEqual([
      { ...rest, reasoning_content: 'hm' },
      { role: 'user', content: 'y' },
    ]);
  });
});
