import { expect, test } from 'bun:test';
import { sampleCall, sampleCaller } from '../../test/support/call-parts.ts';
import type { Call } from './call.ts';
import { type Instead, nextInstead, putInPlace, servedName } from './stand-in.ts';

const GROUPS: Readonly<Record<string, string>> = { second: 'group-2', third: 'group-3', again: 'group-1' };

const callWith = (budgetFallbacks: Readonly<Record<string, readonly string[]>>): Call => ({
  ...sampleCall({ requestedModel: 'first', modelGroup: 'group-1', caller: sampleCaller({ budgetFallbacks }) }),
  groupOf: (name) => GROUPS[name],
});

const told = ({ modelGroup, admittedChanges }: Call) => [modelGroup, admittedChanges.map(({ note }) => note)];

function next(call: Call, refusal: string, instead?: Instead<string>): Instead<string> {
  const found = nextInstead(call, refusal, instead);
  if (found === undefined || typeof found === 'string') throw new Error(`There is none: ${found}`);
  return found;
}

test('models take the place of one another in their order, and of each only the last is told', () => {
  const call = callWith({ first: ['second', 'third'] });
  const second = next(call, 'first refused');
  const note = (name: string): string => `to ${name}, as the budget of the key for group-1 is spent`;
  expect(told(call)).toEqual(['group-2', [note('second')]]);
  expect(servedName(call)).toBe('second');
  const third = next(call, 'second refused', second);
  expect(told(call)).toEqual(['group-3', [note('third')]]);
  expect(nextInstead(call, 'third refused', third)).toBe('first refused');
  expect([...told(call), servedName(call)]).toEqual(['group-1', [], 'first']);
});

test('what nobody may use, or is the same model, is passed over', () => {
  const call = callWith({ first: ['hidden', 'again', 'third'] });
  next(call, 'refused');
  expect(call.modelGroup).toBe('group-3');
});

test('they are found by the group’s name as well, and by no name that every object has', () => {
  expect(next(callWith({ 'group-1': ['second'] }), 'refused').rest).toEqual([]);
  const inherited = { ...callWith({}), requestedModel: 'constructor' };
  expect(nextInstead(inherited, 'refused', undefined)).toBeUndefined();
});

test('without any, the refusal is what it was, and nothing has changed', () => {
  const call = callWith({ other: ['second'] });
  expect(nextInstead(call, 'refused', undefined)).toBeUndefined();
  expect(told(call)).toEqual(['group-1', []]);
  expect(nextInstead(sampleCall(), 'refused', undefined)).toBeUndefined();
});

test('a model that stands in has its own list', () => {
  const call = callWith({ first: ['third'], again: ['second'] });
  putInPlace(call, { name: 'again', group: 'group-1' }, 'to the default');
  next(call, 'refused');
  expect(told(call)[0]).toBe('group-2');
  expect(told(call)[1]).toHaveLength(2);
});
