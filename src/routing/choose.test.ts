import { beforeEach, describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { STARTED_AT_MS, sampleTarget } from '../../test/support/call-parts.ts';
import { CALL_FACTS, CHOOSE_SETTINGS, routingState } from '../../test/support/plan-parts.ts';
import { seededRandom } from '../../test/support/seeded-random.ts';
import { GatewayError } from '../errors.ts';
import type { Target } from '../providers/adapter.ts';
import { type CallFacts, type ChooseSettings, choose, isAnyFresh, isDown, type Question } from './choose.ts';
import type { HealthSettings } from './health.ts';

let nowMs: number;
let state: ReturnType<typeof routingState>;
beforeEach(() => {
  nowMs = STARTED_AT_MS;
  state = routingState(() => nowMs);
});

const target = (deploymentId: string, over: Partial<Target> = {}): Target => sampleTarget({ deploymentId, ...over });

interface Given {
  readonly call?: Partial<CallFacts>;
  readonly settings?: Partial<ChooseSettings>;
  readonly failed?: readonly string[];
}

const question = (targets: readonly Target[], { call, settings, failed = [] }: Given = {}): Question => ({
  group: { name: 'm', targets },
  call: { ...CALL_FACTS, ...call },
  failed: new Set(failed),
  settings: { ...CHOOSE_SETTINGS, ...settings },
});
const chosen = (targets: readonly Target[], given: Given = {}) => choose(question(targets, given), state);
const left = (targets: readonly Target[], given: Given = {}): string[] =>
  chosen(targets, given).choice.candidates.map(({ deploymentId }) => deploymentId);
const reasons = (targets: readonly Target[], given: Given = {}): Record<string, string> =>
  Object.fromEntries(chosen(targets, given).choice.passedOver.map((one) => [one.deploymentId, one.reason]));

const COOLDOWN: HealthSettings = { disabled: false, cooldownMs: 5_000, allowedFails: 0, allowedFailsPolicy: {} };
/** Cools down for so long. */
function down(deploymentId: string, cooldownMs = 5_000): void {
  state.health.asked(deploymentId);
  state.health.failed(deploymentId, new GatewayError('upstream_failed', 'no'), { ...COOLDOWN, cooldownMs });
}

const [A, B, C] = [target('a'), target('b'), target('c')];

describe('with nothing against anybody', () => {
  test('all are candidates and one of them is picked', () => {
    const { choice, target: picked, error } = chosen([A, B, C]);
    expect(choice).toEqual({
      group: 'm',
      strategy: 'simple-shuffle',
      candidates: ['a', 'b', 'c'].map((deploymentId) => ({ deploymentId, score: 0, health: 'up' })),
      passedOver: [],
      picked: 'a',
      pinned: false,
    });
    expect([picked, error]).toEqual([A, undefined]);
  });

  test('a group without deployments has nobody, which is no error of the call', () => {
    expect(chosen([])).toMatchObject({ target: undefined, error: undefined, choice: { candidates: [], picked: null } });
  });

  test('the strategy decides, and its scores are told', () => {
    state.loads.begin('a');
    const { choice } = chosen([A, B], { settings: { strategy: 'least-busy' } });
    expect(choice.candidates.map(({ score }) => score)).toEqual([1, 0]);
    expect(choice.picked).toBe('b');
    const usdPerToken = ({ deploymentId }: Target): number => (deploymentId === 'a' ? 1 : 2);
    expect(chosen([B, A], { settings: { strategy: 'cost-based-routing', usdPerToken } }).choice.picked).toBe('a');
  });
});

/** Tags of deployments, of the request, and who is left: any of its tags, or all of them. */
const TAG_RULES = [
  { has: ['', 'x', 'default'], asks: '', any: '2', all: '2' },
  { has: ['', 'x'], asks: '', any: '0 1', all: '0 1' },
  { has: ['x', 'y'], asks: 'x', any: '0', all: '0' },
  { has: ['x', 'x y', 'y'], asks: 'x y', any: '0 1 2', all: '1' },
  { has: ['x', 'y', 'default'], asks: 'x y', any: '0 1', all: '' },
  { has: ['x', 'default'], asks: 'x', any: '0', all: '0' },
  { has: ['x', 'default'], asks: 'unheard-of', any: '1', all: '1' },
  { has: ['x', 'x default'], asks: 'unheard-of x', any: '0 1', all: '' },
  { has: ['x', ''], asks: 'unheard-of', any: '', all: '' },
  { has: ['x default', 'y'], asks: 'default', any: '0', all: '0' },
];
const TAG_MARKS = [
  { has: ['x', 'y', ''], asks: '!x', any: '1 2', all: '1 2' },
  { has: ['x', 'y default', 'z'], asks: '!x', any: '1', all: '1' },
  { has: ['x default', 'y'], asks: '!x', any: '', all: '' },
  { has: ['x p', 'y p', 'x'], asks: 'p !x', any: '1', all: '1' },
  { has: ['x', 'y', 'z'], asks: '!x !y', any: '2', all: '2' },
  { has: ['x', 'y'], asks: '!x !y', any: '', all: '' },
  { has: ['x y', 'x', 'y'], asks: '&x &y', any: '0', all: '0' },
  { has: ['x', 'x default', 'y default'], asks: '&x', any: '0 1', all: '0 1' },
  { has: ['x', 'y'], asks: '&unheard-of', any: '', all: '' },
  { has: ['h a', 'h b', 'h c', 'a'], asks: '&h a b !c', any: '0 1', all: '' },
  { has: ['x', 'y default'], asks: '&x y', any: '', all: '' },
  { has: ['', 'x'], asks: '! &', any: '0 1', all: '0 1' },
];
/** After `/`: a pattern of the deployment's. */
const TAG_PATTERNS = [
  { has: ['', '/^User-Agent: tool'], asks: '', any: '1', all: '1' },
  { has: ['', '/other'], asks: '', any: '0', all: '0' },
  { has: ['/other'], asks: '', any: '0', all: '0' },
  { has: ['default', '/^User-Agent: tool'], asks: '', any: '1', all: '1' },
  { has: ['default', '/other'], asks: '', any: '0', all: '0' },
  { has: ['x', '/tool'], asks: 'x', any: '0 1', all: '0 1' },
  { has: ['x /tool', 'y'], asks: 'y', any: '0 1', all: '1' },
  { has: ['x /tool', 'y'], asks: '!x', any: '1', all: '1' },
  { has: ['x', '/tool'], asks: '&x', any: '0', all: '0' },
];
const words = (text: string): string[] => text.split(' ').filter((word) => word !== '');

describe('tags', () => {
  const rules = [...TAG_RULES, ...TAG_MARKS, ...TAG_PATTERNS];
  test.each(rules)('$has, asked for "$asks": $any with any, $all with all', ({ has, asks, any, all }) => {
    const targets = has.map((text, at) => {
      const [tags = '', ...patterns] = text.split('/');
      return target(String(at), { tags: words(tags), tagPatterns: patterns.map((pattern) => new RegExp(pattern)) });
    });
    for (const [tagMatchAny, expected] of [
      [true, any],
      [false, all],
    ] as const) {
      const call = { tags: words(asks), userAgent: 'tool/1.2' };
      const given = { call, settings: { tagFiltering: true, tagMatchAny } };
      expect(left(targets, given)).toEqual(words(expected));
      expect(chosen(targets, given).error?.status).toBe(expected === '' ? 401 : undefined);
    }
  });

  test('do nothing until they are switched on', () => {
    expect(left([target('a', { tags: ['x'] }), B], { call: { tags: ['y'] } })).toEqual(['a', 'b']);
  });

  test('that nobody has are refused with the reason, for the request and for each deployment', () => {
    const given = { call: { tags: ['y'] }, settings: { tagFiltering: true } };
    const { error, target: picked } = chosen([target('a', { tags: ['x'] })], given);
    expect(picked).toBeUndefined();
    expect(error).toMatchObject({ kind: 'no_eligible_deployment', next: 'fallback', details: { param: 'tags' } });
    expect(error?.message).toContain('Not allowed to access model due to tags configuration');
    expect(reasons([target('a', { tags: ['x'] })], given)).toEqual({ a: 'its tags do not match' });
  });
});

describe('regions', () => {
  const targets = [target('a', { region: 'eu-west-1' }), target('b', { region: 'US-east-2' }), C];

  test('are those of the end user', () => {
    expect(left(targets, { call: { region: 'eu' } })).toEqual(['a']);
    expect(left(targets, { call: { region: 'us' } })).toEqual(['b']);
    expect(left(targets)).toEqual(['a', 'b', 'c']);
  });

  test('without a deployment are refused, and each is told', () => {
    const { error } = chosen([B, C], { call: { region: 'eu' } });
    expect(error).toMatchObject({ kind: 'no_eligible_deployment', next: 'fallback', status: 403 });
    expect(reasons([B], { call: { region: 'eu' } })).toEqual({ b: 'it is not in the region "eu"' });
  });
});

describe('provider keys of callers', () => {
  const open = target('open', { takesCallerKey: true });

  test('go to deployments that take them', () => {
    expect(left([A, open], { call: { bringsKey: true } })).toEqual(['open']);
    expect(reasons([A, open], { call: { bringsKey: true } })).toEqual({ a: 'it takes no provider key of callers' });
    expect(left([A, open])).toEqual(['a', 'open']);
  });

  test('are refused where none does, and in a fallback too', () => {
    const refused = { kind: 'invalid_request', status: 400, next: 'stop', details: { param: 'api_key' } };
    expect(chosen([A], { call: { bringsKey: true } }).error).toMatchObject(refused);
    const fallback = target('f', { requestChanges: { api_key: 'sk-own' } });
    expect(chosen([fallback]).error).toMatchObject(refused);
    expect(left([target('f', { requestChanges: { api_key: 'sk-own' }, takesCallerKey: true })])).toEqual(['f']);
  });
});

describe('context windows', () => {
  const windows: Readonly<Record<string, number>> = { a: 100, b: 1_000 };
  const settings = { preCallChecks: true, maxInputTokens: (one: Target) => windows[one.deploymentId] };
  const asking = (promptTokens: number, over: Partial<ChooseSettings> = {}): Given => ({
    call: { promptTokens },
    settings: { ...settings, ...over },
  });

  test('that do not hold the prompt are passed over; an unknown one holds everything', () => {
    expect(left([A, B, C], asking(100))).toEqual(['a', 'b', 'c']);
    expect(left([A, B, C], asking(101))).toEqual(['b', 'c']);
    expect(left([A, B, C], asking(5_000))).toEqual(['c']);
    expect(reasons([A, B], asking(500))).toEqual({ a: 'the prompt is too long for it' });
  });

  test('of which none holds it are an error that context window fallbacks follow', () => {
    expect(chosen([A, B], asking(5_000)).error).toMatchObject({
      kind: 'context_window_exceeded',
      next: 'fallback',
      details: { code: 'context_length_exceeded' },
    });
  });

  test('are not looked at until that is switched on', () => {
    expect(left([A, B], asking(5_000, { preCallChecks: false }))).toEqual(['a', 'b']);
  });
});

describe('health', () => {
  test('passes over what cools down', () => {
    down('a');
    expect(left([A, B])).toEqual(['b']);
    expect(reasons([A, B])).toEqual({ a: 'it is cooling down' });
  });

  test('lets one that comes back be tried, and tells that it is a probe', () => {
    down('a');
    nowMs += 5_000;
    expect(chosen([A]).choice.candidates).toMatchObject([{ deploymentId: 'a', health: 'probe' }]);
    expect(left([A, B])).toEqual(['a', 'b']);
    state.health.asked('a');
    expect(left([A, B])).toEqual(['b']);
  });

  test('never takes out the last: of those that cool down, the first to come back is left', () => {
    down('a', 9_000);
    down('b', 3_000);
    expect(left([A, B])).toEqual(['b']);
    expect(left([A])).toEqual(['a']);
    expect(left([A, B], { failed: ['b'] })).toEqual(['a']);
    expect(left([A, B], { failed: ['a', 'b'] })).toEqual(['b']);
  });
});

describe('what has failed the request', () => {
  test('is passed over while another is left', () => {
    expect(left([A, B], { failed: ['a'] })).toEqual(['b']);
    expect(reasons([A, B], { failed: ['a'] })).toEqual({ a: 'it has failed this request' });
    expect(left([A, B], { failed: ['a', 'b'] })).toEqual(['a', 'b']);
  });

  test('is rather asked again than one that cools down', () => {
    down('b');
    expect(left([A, B], { failed: ['a'] })).toEqual(['a']);
  });

  test('is rather asked again than one at its limit', () => {
    const hasRoom = ({ deploymentId }: Target): boolean => deploymentId !== 'b';
    expect(left([A, B], { failed: ['a'], settings: { hasRoom } })).toEqual(['a']);
  });
});

describe('limits of its own', () => {
  const hasRoom = ({ deploymentId }: Target): boolean => deploymentId !== 'a';

  test('pass one over while another has room', () => {
    expect(left([A, B], { settings: { hasRoom } })).toEqual(['b']);
    expect(reasons([A, B], { settings: { hasRoom } })).toEqual({ a: 'it is at a limit of its own' });
  });

  test('leave all when all are full: their refusal says when to come back', () => {
    expect(left([A, B], { settings: { hasRoom: () => false } })).toEqual(['a', 'b']);
  });
});

describe('order', () => {
  const first = target('first', { order: 1 });
  const second = target('second', { order: 2 });

  test('uses the lowest that is left; those without one come last', () => {
    expect(left([A, second, first])).toEqual(['first']);
    expect(reasons([A, second, first])).toEqual({
      a: 'another has a lower order',
      second: 'another has a lower order',
    });
    expect(left([A, B])).toEqual(['a', 'b']);
  });

  test('goes on to the next when the first fails, cools down or is full', () => {
    expect(left([A, second, first], { failed: ['first'] })).toEqual(['second']);
    expect(left([A, second, first], { failed: ['first', 'second'] })).toEqual(['a']);
    const hasRoom = ({ deploymentId }: Target): boolean => deploymentId !== 'first';
    expect(left([A, second, first], { settings: { hasRoom } })).toEqual(['second']);
    down('first');
    expect(left([A, second, first])).toEqual(['second']);
  });

  test('does not bring in what tags rule out', () => {
    const given = { call: { tags: ['x'] }, settings: { tagFiltering: true } };
    expect(left([first, target('a', { tags: ['x'], order: 3 })], given)).toEqual(['a']);
  });
});

describe('pins', () => {
  const call = { affinity: ['session x'] };

  test('are followed, against the strategy', () => {
    state.affinity.pin(['session x'], 'b', 60_000);
    expect(chosen([A, B], { call }).choice).toMatchObject({ picked: 'b', pinned: true });
    expect(chosen([A, B]).choice).toMatchObject({ picked: 'a', pinned: false });
  });

  test('hold only among the candidates', () => {
    state.affinity.pin(['session x'], 'b', 60_000);
    expect(chosen([A, B], { call, failed: ['b'] }).choice).toMatchObject({ picked: 'a', pinned: false });
    expect(chosen([A, C], { call }).choice).toMatchObject({ picked: 'a', pinned: false });
    down('b');
    expect(chosen([A, B], { call }).choice).toMatchObject({ picked: 'a', pinned: false });
    nowMs += 5_000;
    expect(chosen([A, B], { call }).choice).toMatchObject({ picked: 'b', pinned: true });
  });

  test('are no choice where there is only one', () => {
    state.affinity.pin(['session x'], 'a', 60_000);
    expect(chosen([A], { call }).choice.pinned).toBe(false);
  });
});

describe('another to turn to', () => {
  const fresh = (targets: readonly Target[], given: Given = {}): boolean => isAnyFresh(question(targets, given), state);
  const dead = (targets: readonly Target[], given: Given = {}): boolean => isDown(question(targets, given), state);

  test('has not failed, does not cool down and has room', () => {
    expect(fresh([A, B], { failed: ['a'] })).toBe(true);
    expect(fresh([A, B], { failed: ['a', 'b'] })).toBe(false);
    expect(fresh([A, B], { failed: ['a'], settings: { hasRoom: () => false } })).toBe(false);
    down('b');
    expect(fresh([A, B], { failed: ['a'] })).toBe(false);
  });

  test('is one that the call may use', () => {
    const given = { call: { tags: ['x'] }, settings: { tagFiltering: true }, failed: ['a'] };
    expect(fresh([target('a', { tags: ['x'] }), target('b', { tags: ['y'] })], given)).toBe(false);
    expect(fresh([target('a', { tags: ['x'] }), target('b', { tags: ['x'] })], given)).toBe(true);
  });

  test('does not keep those for other calls from looking dead', () => {
    const targets = [target('a', { tags: ['x'] }), target('b', { tags: ['y'] })];
    down('a');
    expect(dead(targets)).toBe(false);
    expect(dead(targets, { call: { tags: ['x'] }, settings: { tagFiltering: true } })).toBe(true);
    expect(dead([B])).toBe(false);
    expect(dead(targets, { call: { tags: ['z'] }, settings: { tagFiltering: true } })).toBe(false);
    expect(dead([])).toBe(false);
  });
});

describe('whatever the state', () => {
  const ids = ['a', 'b', 'c', 'd'];
  const some = fc.subarray(ids);

  test('somebody is left, each is either a candidate or told why not, and the pick is a candidate', () => {
    const orders = fc.array(fc.option(fc.nat(2), { nil: undefined }), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(fc.tuple(some, some, some), orders, fc.nat(), ([cooling, failed, full], order, seed) => {
        state = routingState(() => nowMs, seededRandom(seed));
        for (const id of cooling) down(id);
        const targets = ids.map((id, at) => target(id, { order: order[at] }));
        const settings = { hasRoom: ({ deploymentId }: Target) => !full.includes(deploymentId) };
        const { choice, target: picked, error } = chosen(targets, { failed, settings });
        const candidates = choice.candidates.map(({ deploymentId }) => deploymentId);
        expect(error).toBeUndefined();
        expect(candidates).toContain(picked?.deploymentId ?? 'nobody');
        const told = choice.passedOver.map(({ deploymentId }) => deploymentId);
        expect([...candidates, ...told].toSorted()).toEqual(ids);
      }),
      { numRuns: 200 },
    );
  });
});

describe('a request whose tags name deployments', () => {
  const mayServe = ({ deploymentId }: Target): boolean => deploymentId !== 'a';

  test('goes to those only, and is told why not to the others', () => {
    expect(left([A, B, C], { call: { mayServe } })).toEqual(['b', 'c']);
    expect(reasons([A, B], { call: { mayServe } })).toEqual({ a: 'a tag of the request does not name it' });
    expect(chosen([A], { call: { mayServe } }).error?.message).toContain('tags configuration');
  });

  test('needs no tags on them, unless others of its tags ask for some', () => {
    const settings = { tagFiltering: true };
    const tagged = target('d', { tags: ['x'] });
    expect(left([A, B, tagged], { call: { mayServe, tags: [] }, settings })).toEqual(['b', 'd']);
    expect(left([A, B, tagged], { call: { mayServe, tags: ['x'] }, settings })).toEqual(['d']);
  });
});
