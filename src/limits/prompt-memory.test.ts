import { describe, expect, test } from 'bun:test';
import { createPromptMemory } from './prompt-memory.ts';

const hash = (text: string): bigint | number => Bun.hash(text, 7n);

describe('a prompt', () => {
  test('that was counted is known, for its model and its very text', () => {
    const memory = createPromptMemory(hash);
    memory.remember('gpt-4o', '{"messages":[]}', 42);
    expect(memory.recall('gpt-4o', '{"messages":[]}')).toBe(42);
    expect(memory.recall('other', '{"messages":[]}')).toBeUndefined();
    expect(memory.recall('gpt-4o', '{"messages": []}')).toBeUndefined();
  });

  test('that deployments count differently is held at the most', () => {
    const memory = createPromptMemory(hash);
    for (const tokens of [10, 14, 12]) memory.remember('m', 'text', tokens);
    expect(memory.recall('m', 'text')).toBe(14);
  });

  test('of the same digest and another length is another prompt', () => {
    const memory = createPromptMemory(() => 1);
    memory.remember('m', 'short', 5);
    expect(memory.recall('m', 'much longer')).toBeUndefined();
  });

  test('is forgotten when there are too many', () => {
    const memory = createPromptMemory(hash);
    for (let at = 0; at < 20_001; at++) memory.remember('m', `text ${at}`, at);
    expect(memory.recall('m', 'text 0')).toBeUndefined();
    expect(memory.recall('m', 'text 20000')).toBe(20_000);
  });
});
