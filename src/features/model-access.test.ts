import { describe, expect, test } from 'bun:test';
import { type SampleCall, sampleCall, sampleCaller, sampleTarget } from '../../test/support/call-parts.ts';
import { GatewayError } from '../errors.ts';
import type { Call, Caller } from '../gateway/call.ts';
import { type EndUser, type Guests, NO_GUESTS, type Tag, UNLIMITED } from '../gateway/entities.ts';
import type { Feature } from '../gateway/feature.ts';
import { type GuestsOf, type ModelCatalogue, modelAccess, visibleModels } from './model-access.ts';

const GROUPS = ['gpt-4', 'gpt-3.5', 'openai/gpt-5', 'premium'];
const ALIASES = new Map([
  ['best', 'premium'],
  ['cheap', 'gpt-3.5'],
]);
const catalogue: ModelCatalogue = {
  resolveAlias: (name) => ALIASES.get(name) ?? name,
  has: (group) => GROUPS.includes(group),
  accessGroups: (group) => (group === 'premium' ? ['vip'] : []),
};

const access = (guestsOf: GuestsOf = () => NO_GUESTS): Feature => modelAccess(() => catalogue, guestsOf);

function admit(requestedModel: string, caller: Partial<Caller> = {}, fallbacks?: readonly string[]): Call {
  const call = sampleCall({ requestedModel, modelGroup: '', caller: sampleCaller(caller), controls: { fallbacks } });
  access().admit?.(call);
  return call;
}

function refusal(...given: Parameters<typeof admit>): GatewayError {
  try {
    admit(...given);
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error('It was admitted.');
}

const endUser = (over: Partial<EndUser> = {}): EndUser => ({
  kind: 'end_user',
  id: 'ada',
  name: null,
  blocked: false,
  models: ['gpt-3.5'],
  metadata: {},
  allowance: UNLIMITED,
  defaultModel: null,
  allowedModelRegion: null,
  ...over,
});

describe('whether a configured fallback may serve', () => {
  test('is what the key’s list says of its name, its group or its access groups', () => {
    const { mayUse } = admit('gpt-4', { models: ['gpt-4', 'best'] });
    expect([mayUse?.('premium', 'premium'), mayUse?.('best', 'premium'), mayUse?.('cheap', 'gpt-3.5')]).toEqual([
      ...[false, true, false],
    ]);
    expect(admit('gpt-4', { models: ['gpt-4', 'vip'] }).mayUse?.('premium', 'premium')).toBe(true);
    expect(admit('gpt-4').mayUse?.('premium', 'premium')).toBe(true);
  });

  test('is what the end user’s list says, too', () => {
    const call = sampleCall({ requestedModel: 'gpt-4', modelGroup: '', caller: sampleCaller() });
    access(() => ({ endUser: endUser({ models: ['gpt-4'] }), tags: [] })).admit?.(call);
    expect([call.mayUse?.('gpt-4', 'gpt-4'), call.mayUse?.('premium', 'premium')]).toEqual([true, false]);
  });

  test('a fallback of the request may not smuggle models into what goes upstream', () => {
    const fallbackChanges = new Map([['gpt-4', { extra_body: { models: ['premium'] } }]]);
    const caller = sampleCaller({ models: ['gpt-4'] });
    const call = sampleCall({ requestedModel: 'gpt-4', caller, controls: { fallbacks: ['gpt-4'], fallbackChanges } });
    expect(() => access().admit?.(call)).toThrow("'premium' is not available");
  });
});

describe('the group that serves a name', () => {
  test('is the name itself, or what an alias of the gateway or of the key says', () => {
    expect(admit('gpt-4').modelGroup).toBe('gpt-4');
    expect(admit('best').modelGroup).toBe('premium');
    const aliases = { mine: 'gpt-4', best: 'gpt-3.5', chained: 'cheap' };
    expect(['mine', 'best', 'chained'].map((name) => admit(name, { aliases }).modelGroup)).toEqual([
      'gpt-4',
      'gpt-3.5',
      'gpt-3.5',
    ]);
  });

  test('leaves the name asked for as it was', () => {
    expect(admit('best').requestedModel).toBe('best');
  });

  test('that does not exist is a 400 about the model', () => {
    const error = refusal('gpt-9');
    expect([error.kind, error.status, error.details.param]).toEqual(['model_not_found', 400, 'model']);
    expect(error.message).toBe(
      '/chat/completions: Invalid model name passed in model=gpt-9. Call `/v1/models` to view available models for your key.',
    );
    expect(refusal('x'.repeat(10_000)).message.length).toBeLessThan(400);
  });

  test.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])(
    'is not what every object inherits: %s',
    (name) => {
      expect(refusal(name, { aliases: {} }).kind).toBe('model_not_found');
      expect(refusal(name, { aliases: {}, models: ['openai/*'] }).kind).toBe('model_access_denied');
    },
  );
});

describe('a key’s list of models', () => {
  test.each([
    [[], 'gpt-4', true],
    [['gpt-4'], 'gpt-4', true],
    [['gpt-4'], 'gpt-3.5', false],
    [['openai/*'], 'openai/gpt-5', true],
    [['openai/*'], 'gpt-4', false],
    [['*'], 'gpt-4', true],
    [['all-proxy-models'], 'gpt-4', true],
    [['all-team-models'], 'gpt-4', true],
    [['no-default-models'], 'gpt-4', false],
    [['vip'], 'premium', true],
    [['vip'], 'best', true],
    [['vip'], 'gpt-4', false],
    [['best'], 'best', true],
    [['premium'], 'best', true],
    [['best'], 'premium', false],
    [['gpt-4', 'gpt-3.5'], 'cheap', true],
    [['GPT-4'], 'gpt-4', false],
  ])('%j and the model %s: %p', (models, name, allowed) => {
    if (allowed) expect(() => admit(name, { models })).not.toThrow();
    else
      expect(refusal(name, { models })).toMatchObject({
        kind: 'model_access_denied',
        status: 403,
        details: { param: 'model' },
      });
  });

  test('allows the key’s own aliases by either name', () => {
    const aliases = { mine: 'gpt-4' };
    expect(admit('mine', { aliases, models: ['mine'] }).modelGroup).toBe('gpt-4');
    expect(admit('mine', { aliases, models: ['gpt-4'] }).modelGroup).toBe('gpt-4');
  });

  test('does not tell whether a forbidden model exists', () => {
    const [known, unknown] = ['premium', 'nothing'].map((name) => refusal(name, { models: ['gpt-4'] }));
    expect(known?.message.replace('premium', 'nothing')).toBe(unknown?.message ?? '');
  });

  test('holds for fallbacks too', () => {
    expect(() => admit('gpt-4', { models: ['gpt-4', 'gpt-3.5'] }, ['gpt-3.5'])).not.toThrow();
    expect(refusal('gpt-4', { models: ['gpt-4'] }, ['premium']).kind).toBe('model_access_denied');
    expect(refusal('gpt-4', {}, ['gpt-9']).kind).toBe('model_not_found');
  });

  test.each(['contextWindow', 'contentPolicy'])('holds for fallbacks for one kind of failure (%s)', (type) => {
    const none = { contextWindow: undefined, contentPolicy: undefined };
    const call = sampleCall({
      requestedModel: 'gpt-4',
      caller: sampleCaller({ models: ['gpt-4'] }),
      controls: { typedFallbacks: { ...none, [type]: ['premium'] } },
    });
    expect(() => access().admit?.(call)).toThrow(/'premium' is not available/);
  });
});

test.each([
  ['models', { models: ['gpt-4', 'premium'] }],
  ['extra_body.models', { extra_body: { models: ['premium'] } }],
])('a list of models that a provider would fall back to, in %s, is held to the key’s own list', (_place, fields) => {
  const call = (models: readonly string[]): Call =>
    sampleCall({
      requestedModel: 'gpt-4',
      caller: sampleCaller({ models }),
      request: { model: 'gpt-4', messages: [], ...fields },
    });
  const { admit: admitting } = access();
  expect(() => admitting?.(call(['gpt-4']))).toThrow(/'premium' is not available/);
  expect(() => admitting?.(call(['gpt-4', 'premium']))).not.toThrow();
  expect(() => admitting?.(call([]))).not.toThrow();
});

test('nothing is admitted without a caller', () => {
  expect(() => access().admit?.(sampleCall({ caller: undefined }))).toThrow('Internal server error');
});

describe('the list of models that a key sees', () => {
  const seen = (caller: Partial<Caller>): string[] =>
    visibleModels(sampleCaller(caller), [...GROUPS, 'best'], catalogue);

  test('is everything, or what its own list allows, with its aliases', () => {
    expect(seen({})).toEqual([...GROUPS, 'best']);
    expect(seen({ models: ['gpt-4'] })).toEqual(['gpt-4']);
    expect(seen({ models: ['vip'] })).toEqual(['premium', 'best']);
    expect(seen({ models: ['openai/*'], aliases: { mine: 'openai/gpt-5', other: 'gpt-4' } })).toEqual([
      'openai/gpt-5',
      'mine',
    ]);
  });

  test('names each model once', () => {
    expect(seen({ aliases: { 'gpt-4': 'gpt-3.5' } }).filter((name) => name === 'gpt-4')).toHaveLength(1);
  });
});

describe('an end user with models of their own', () => {
  async function admitFor(found: EndUser | null, requestedModel: string, over: SampleCall = {}): Promise<Call> {
    const call = sampleCall({ requestedModel, modelGroup: '', caller: sampleCaller(), ...over });
    const guests: Guests = { endUser: found, tags: [] };
    const answers = [() => guests, () => Promise.resolve(guests)];
    const outcomes = answers.map(async (guestsOf) => {
      await access(guestsOf).admit?.(call);
    });
    // In memory or not makes no difference.
    const [first, second] = await Promise.allSettled(outcomes);
    expect(first?.status).toBe(second?.status);
    if (first?.status === 'rejected') throw first.reason;
    return call;
  }

  const refusalFor = async (...given: Parameters<typeof admitFor>): Promise<unknown> =>
    admitFor(...given).then(
      () => 'admitted',
      (error: GatewayError) => [error.status, error.details.type],
    );

  const DENIED = [403, 'end_user_model_access_denied'];

  test('may use those, under any of their names', async () => {
    expect((await admitFor(endUser(), 'gpt-3.5')).modelGroup).toBe('gpt-3.5');
    expect((await admitFor(endUser(), 'cheap')).modelGroup).toBe('gpt-3.5');
    expect((await admitFor(endUser({ models: ['cheap'] }), 'cheap')).modelGroup).toBe('gpt-3.5');
    expect((await admitFor(endUser({ models: ['vip'] }), 'premium')).modelGroup).toBe('premium');
  });

  test('may use no other, neither as a fallback nor as the provider’s own', async () => {
    expect(await refusalFor(endUser(), 'gpt-4')).toEqual(DENIED);
    expect(await refusalFor(endUser(), 'gpt-3.5', { controls: { fallbacks: ['gpt-4'] } })).toEqual(DENIED);
    expect(await refusalFor(endUser(), 'gpt-3.5', { request: { models: ['gpt-4'] } })).toEqual(DENIED);
  });

  test('with an empty list, or when nobody is known, may use all', async () => {
    expect((await admitFor(endUser({ models: [] }), 'gpt-4')).modelGroup).toBe('gpt-4');
    expect((await admitFor(null, 'gpt-4')).modelGroup).toBe('gpt-4');
  });

  test('gets their default model in the place of another, and is told', async () => {
    const call = await admitFor(endUser({ defaultModel: 'gpt-3.5' }), 'gpt-4');
    expect(call.modelGroup).toBe('gpt-3.5');
    expect(call.admittedChanges[0]).toMatchObject({ field: 'model', action: 'renamed' });
    const own = await admitFor(endUser({ defaultModel: 'gpt-4' }), 'gpt-3.5');
    expect([own.modelGroup, own.admittedChanges]).toEqual(['gpt-3.5', []]);
  });

  test('never gets a default model that the key may not use', async () => {
    const caller = sampleCaller({ models: ['gpt-4'] });
    expect(await refusalFor(endUser({ defaultModel: 'gpt-3.5' }), 'gpt-4', { caller })).toEqual([
      403,
      'key_model_access_denied',
    ]);
  });
});

describe('a model whose deployments are all blocked', () => {
  const blocked: ModelCatalogue = { ...catalogue, isBlocked: (group) => group === 'gpt-4' };
  const refusedFor = (caller: Partial<Caller>): unknown => {
    const call = sampleCall({ requestedModel: 'gpt-4', modelGroup: '', caller: sampleCaller(caller) });
    try {
      return modelAccess(
        () => blocked,
        () => NO_GUESTS,
      ).admit?.(call);
    } catch (error) {
      return error;
    }
  };

  test('is a 403 that says so', () => {
    expect(refusedFor({})).toMatchObject({ kind: 'permission_denied', message: 'Model is blocked', status: 403 });
  });

  test('tells a key that may not use it nothing more than any other model', () => {
    expect(refusedFor({ models: ['gpt-3.5'] })).toMatchObject({ kind: 'model_access_denied' });
  });
});

describe('the tags of a request', () => {
  const tag = (over: Partial<Tag>): Tag => ({
    ...{ kind: 'tag', id: 't', name: 't', blocked: false, models: [], metadata: {}, allowance: UNLIMITED },
    ...over,
  });
  const deployments: ModelCatalogue = { ...catalogue, deployments: (group) => [`${group}-1`, `${group}-2`] };

  function admitTagged(tags: readonly Tag[], requestedModel = 'gpt-4', over: SampleCall = {}): Call | unknown[] {
    const call = sampleCall({ requestedModel, modelGroup: '', caller: sampleCaller(), ...over });
    try {
      modelAccess(
        () => deployments,
        () => ({ endUser: null, tags }),
      ).admit?.(call);
      return call;
    } catch (error) {
      return error instanceof GatewayError ? [error.status, error.details.type] : [error];
    }
  }

  const DENIED = [403, 'tag_model_access_denied'];

  test('allow what each of them and its budget allows', () => {
    const cheap = tag({ models: ['cheap', 'gpt-4'] });
    const budgeted = tag({ allowance: { ...UNLIMITED, models: ['gpt-4'] } });
    expect(admitTagged([cheap, budgeted])).toMatchObject({ modelGroup: 'gpt-4' });
    expect(admitTagged([cheap], 'cheap')).toMatchObject({ modelGroup: 'gpt-3.5' });
    expect(admitTagged([cheap, budgeted], 'cheap')).toEqual(DENIED);
    expect(admitTagged([cheap], 'best')).toEqual(DENIED);
    expect(admitTagged([cheap], 'gpt-4', { controls: { fallbacks: ['premium'] } })).toEqual(DENIED);
    expect(admitTagged([tag({ models: ['vip'] })], 'best')).toMatchObject({ modelGroup: 'premium' });
  });

  test('may name single deployments, and then no others serve', () => {
    const call = admitTagged([tag({ models: ['gpt-4-2', 'premium'] })]);
    const serves = (modelGroup: string, deploymentId: string): unknown =>
      'mayServe' in call && call.mayServe?.(sampleTarget({ modelGroup, deploymentId }));
    expect([serves('gpt-4', 'gpt-4-1'), serves('gpt-4', 'gpt-4-2')]).toEqual([false, true]);
    expect([serves('premium', 'premium-1'), serves('gpt-3.5', 'gpt-3.5-1')]).toEqual([true, false]);
    expect('mayServe' in admitTagged([tag({})])).toBe(false);
  });

  test('decide about what stands in, too', () => {
    const call = admitTagged([tag({ models: ['gpt-4', 'gpt-3.5'] })]);
    const groupOf = 'groupOf' in call ? call.groupOf : undefined;
    expect(['cheap', 'gpt-4', 'best', 'nothing'].map((name) => groupOf?.(name))).toEqual([
      ...['gpt-3.5', 'gpt-4'],
      ...[undefined, undefined],
    ]);
  });
});

describe('the models of budgets behind a key', () => {
  const limited = (models: readonly string[]) => ({ ...UNLIMITED, models });
  const base = { name: null, blocked: false, models: [], metadata: {} } as const;
  const team = { ...base, kind: 'team', id: 't', organizationId: null, aliases: {}, allowance: UNLIMITED } as const;
  const user = { ...base, kind: 'user', id: 'u', role: null, allowance: limited(['gpt-3.5']) } as const;
  const member = { ...base, kind: 'team_member', id: 'm', role: 'user', allowance: UNLIMITED } as const;

  test('hold beside their own lists', () => {
    const type = (caller: Partial<Caller>) => refusal('gpt-4', caller).details.type;
    expect(type({ allowance: limited(['gpt-3.5']) })).toBe('key_model_access_denied');
    expect(type({ models: ['gpt-4'], allowance: limited(['gpt-3.5']) })).toBe('key_model_access_denied');
    expect(type({ team: { ...team, allowance: limited(['gpt-3.5']), memberAllowance: null } })).toBe(
      'team_model_access_denied',
    );
    expect(type({ teamId: null, user })).toBe('user_model_access_denied');
    expect(admit('gpt-4', { user }).modelGroup).toBe('gpt-4');
    expect(visibleModels(sampleCaller({ allowance: limited(['cheap']) }), GROUPS, catalogue)).toEqual([]);
  });

  test('of a team are its members’ where they have none of their own', () => {
    const ours = { ...team, memberAllowance: limited(['gpt-3.5']) };
    expect(refusal('gpt-4', { team: ours, member }).details.type).toBe('team_model_access_denied');
    expect(refusal('gpt-4', { team: ours }).details.type).toBe('team_model_access_denied');
    expect(admit('gpt-4', { team: ours, member: { ...member, models: ['gpt-4'] } }).modelGroup).toBe('gpt-4');
    expect(admit('gpt-4', { team: ours, userId: null }).modelGroup).toBe('gpt-4');
  });
});
