import { expect, test } from 'bun:test';
import { type SampleCall, sampleCall, sampleCaller } from '../../test/support/call-parts.ts';
import { outputEstimate } from './output-estimate.ts';
import { tokenBounds } from './token-bounds.ts';

const teamOf = (metadata: object): never => ({ metadata }) as never; // All that is read of it.

function estimate(key: object, team: object = {}, call: SampleCall = {}): number | undefined {
  const metadata = { ...key };
  return outputEstimate(
    sampleCall({
      ...{ requestedModel: 'best', modelGroup: 'm' },
      caller: sampleCaller({ metadata, team: teamOf(team) }),
      ...call,
    }),
  );
}

const FOR_ALL = { default_estimated_output_tokens: 100 };
const byModel = (models: object) => ({ default_estimated_output_tokens_per_model: models });

test('the estimate of the output is the key’s for the model, then its own, then the team’s', () => {
  expect(estimate({})).toBeUndefined();
  expect(estimate(FOR_ALL)).toBe(100);
  expect(estimate({ ...FOR_ALL, ...byModel({ m: 7 }) })).toBe(7);
  expect(estimate({ ...FOR_ALL, ...byModel({ best: 8, m: 7 }) })).toBe(8);
  expect(estimate({ ...FOR_ALL, ...byModel({ other: 7 }) })).toBe(100);
  expect(estimate({}, { ...FOR_ALL, ...byModel({ m: 9 }) })).toBe(9);
  expect(estimate({ default_estimated_output_tokens: 5 }, byModel({ m: 9 }))).toBe(5);
  expect(estimate(byModel({ second: 3, best: 8 }), {}, { standIn: 'second' })).toBe(3);
});

test('what is no number of tokens says nothing', () => {
  for (const wrong of [0, -1, 1.5, '100', null, Number.POSITIVE_INFINITY]) {
    expect(estimate({ default_estimated_output_tokens: wrong })).toBeUndefined();
    expect(estimate(byModel({ m: wrong }))).toBeUndefined();
  }
  expect(estimate(byModel({}), {}, { requestedModel: 'constructor' })).toBeUndefined();
});

test('it stands beside the bounds of a request, and there is none where nobody has said', () => {
  const call = sampleCall({ caller: sampleCaller({ metadata: FOR_ALL }) });
  expect(tokenBounds(call).outputLikely).toBe(100);
  expect('outputLikely' in tokenBounds(sampleCall())).toBe(false);
});
