import { beforeEach, describe, expect, test } from 'bun:test';
import { Affinity } from './affinity.ts';

let nowMs: number;
let affinity: Affinity;
beforeEach(() => {
  nowMs = 1_000_000;
  affinity = new Affinity(() => nowMs);
});

describe('a pin', () => {
  test('is found under each of its names', () => {
    affinity.pin(['session x', 'prompt 7'], 'a', 1_000);
    expect(affinity.find(['session x'])).toBe('a');
    expect(affinity.find(['prompt 7'])).toBe('a');
    expect(affinity.find(['session y'])).toBeUndefined();
    expect(affinity.find([])).toBeUndefined();
  });

  test('of the first name that is known wins', () => {
    affinity.pin(['session x'], 'a', 1_000);
    affinity.pin(['key'], 'b', 1_000);
    expect(affinity.find(['response 9', 'session x', 'key'])).toBe('a');
    expect(affinity.find(['response 9', 'key', 'session x'])).toBe('b');
  });

  test('moves with the deployment that served last', () => {
    affinity.pin(['session x'], 'a', 1_000);
    affinity.pin(['session x'], 'b', 1_000);
    expect(affinity.find(['session x'])).toBe('b');
  });

  test('lasts its time after the last use, and gives way to the next name when that is over', () => {
    affinity.pin(['session x'], 'a', 1_000);
    nowMs += 999;
    expect(affinity.find(['session x'])).toBe('a');
    affinity.pin(['session x'], 'a', 1_000);
    affinity.pin(['key'], 'b', 5_000);
    nowMs += 999;
    expect(affinity.find(['session x', 'key'])).toBe('a');
    nowMs += 1;
    expect(affinity.find(['session x', 'key'])).toBe('b');
    expect(affinity.find(['session x'])).toBeUndefined();
  });
});

test('clients choose the names, so that the oldest are forgotten before memory is full', () => {
  affinity.pin(['first'], 'a', 1e9);
  for (let at = 0; at < 100_000; at++) affinity.pin([`name ${at}`], 'b', 1e9);
  expect(affinity.find(['first'])).toBeUndefined();
  expect(affinity.find(['name 99999'])).toBe('b');
});
