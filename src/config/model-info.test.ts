import { describe, expect, test } from 'bun:test';
import { complaints, treeFrom } from '../../test/support/config-trees.ts';
import { Findings } from './findings.ts';
import { type ModelInfo, readModelInfo } from './model-info.ts';

function read(text: string) {
  const findings = new Findings();
  return { info: readModelInfo(treeFrom(text), 'i', findings), said: complaints(findings) };
}

describe('what is said of a model', () => {
  const GOOD: readonly (readonly [written: string, info: Partial<ModelInfo>])[] = [
    ['id: 12', { id: '12' }],
    ['base_model: azure/gpt-4o', { baseModel: 'azure/gpt-4o' }],
    ['supported_environments: production', { supportedEnvironments: ['production'] }],
    ['supported_environments: []', { supportedEnvironments: [] }],
    ['allowed_fails: 0', { allowedFails: 0 }],
    ['enable_tag_filtering: false', { tagFiltering: false }],
    ['allow_fail_open: true', { failsOpen: true }],
    ['allowed_fails_policy: {TimeoutErrorAllowedFails: 3}', { allowedFailsPolicy: { timeout: 3 } }],
    ['input_cost_per_token: 0.5', { prices: { input_cost_per_token: 0.5 } }],
    ['free: true', { prices: { free: 1 } }],
    ['mode: chat', { prices: {}, written: { mode: 'chat' } }],
    ['max_tokens: 5', { written: { max_tokens: 5 } }],
    ['our_own_remark: {a: [1]}', { written: { our_own_remark: { a: [1] } } }],
  ];
  test.each(GOOD)('by %s is read', (written, info) => {
    expect(read(written)).toMatchObject({ info, said: [] });
  });

  test('is shown as it is written, known and unknown alike', () => {
    expect(read('{id: a, access_groups: [g], input_cost_per_token: 1, remark: x}').info.written).toEqual({
      id: 'a',
      access_groups: ['g'],
      input_cost_per_token: 1,
      remark: 'x',
    });
  });

  test('tells where its id stands', () => {
    expect(read('mode: chat\nid: a').info.idPosition).toMatchObject({ line: 2, column: 1 });
    expect(read('mode: chat').info.idPosition).toBeUndefined();
  });

  test.each([
    ['allowed_fails: -1', '1:16 error i.allowed_fails: must be a whole number, 0 or more, not the number -1'],
    ['id: [a]', '1:5 error i.id: must be text, not a list'],
    ['base_modle: a', '1:1 unknown i.base_modle: looks like a typing error. Did you mean "base_model"?'],
    ['mod: chat', '1:1 unknown i.mod: looks like a typing error. Did you mean "mode"?'],
    [
      'output_cost_per_tokn: 1',
      '1:1 unknown i.output_cost_per_tokn: nobody knows this price field. Did you mean "output_cost_per_token"?',
    ],
    ['input_cost_per_token: x', '1:23 error i.input_cost_per_token: must be a number, 0 or more, not text'],
    [
      'allowed_fails_policy: {TimeoutErrorAllowedFail: 1}',
      '1:24 unknown i.allowed_fails_policy.TimeoutErrorAllowedFail: nobody knows this key. Did you mean "TimeoutErrorAllowedFails"?',
    ],
    ['[a]', '1:1 error i: must be a mapping, not a list'],
  ])('by %s is refused', (written, line) => {
    expect(read(written).said).toEqual([line]);
  });
});
