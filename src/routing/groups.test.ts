import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { sampleTarget } from '../../test/support/call-parts.ts';
import type { Target } from '../providers/adapter.ts';
import { createGroups, type GroupAlias } from './groups.ts';

/** A deployment of `group` that calls `provider/model`. */
function deployment(group: string, model: string, id = `${group} → ${model}`): Target {
  const upstreamModel = model.slice(model.indexOf('/') + 1);
  return sampleTarget({ deploymentId: id, modelGroup: group, litellmModel: model, upstreamModel });
}

const groupsOf = (targets: readonly Target[], aliases: Readonly<Record<string, GroupAlias>> = {}) =>
  createGroups(targets, aliases);
const modelsOf = (targets: readonly Target[], name: string): string[] | undefined =>
  groupsOf(targets)
    .find(name)
    ?.targets.map(({ upstreamModel }) => upstreamModel);

describe('a group', () => {
  test('holds all deployments of its name, in order', () => {
    const groups = groupsOf([deployment('a', 'openai/1'), deployment('b', 'openai/2'), deployment('a', 'openai/3')]);
    expect(groups.find('a')?.targets.map(({ upstreamModel }) => upstreamModel)).toEqual(['1', '3']);
    expect(groups.find('c')).toBeUndefined();
    expect(groups.names).toEqual(['a', 'b']);
  });

  test('can be one deployment, asked for by its id', () => {
    const group = groupsOf([deployment('a', 'openai/1', 'id-1'), deployment('a', 'openai/2', 'id-2')]).find('id-2');
    expect([group?.name, group?.targets.map(({ deploymentId }) => deploymentId)]).toEqual(['a', ['id-2']]);
  });

  test.each(['constructor', '__proto__', 'toString', ''])('is not what the name %j means to JavaScript', (name) => {
    const groups = groupsOf([deployment('a', 'openai/1')]);
    expect(groups.find(name)).toBeUndefined();
    expect(groups.resolveAlias(name)).toBe(name);
  });
});

describe('an alias', () => {
  const aliases = {
    short: { group: 'a', hidden: false },
    secret: { group: 'a', hidden: true },
    b: { group: 'a', hidden: false },
  };
  const groups = groupsOf([deployment('a', 'openai/1'), deployment('b', 'openai/2')], aliases);

  test('stands for its group; a group of the same name goes first', () => {
    expect(['short', 'secret', 'a', 'b', 'other'].map((name) => groups.resolveAlias(name))).toEqual([
      'a',
      'a',
      'a',
      'b',
      'other',
    ]);
  });

  test('is listed unless it is hidden', () => {
    expect(groups.names).toContain('short');
    expect(groups.names).not.toContain('secret');
  });
});

describe('a wildcard', () => {
  test('hands on what it caught', () => {
    expect(modelsOf([deployment('openai/*', 'openai/*')], 'openai/gpt-5')).toEqual(['gpt-5']);
    expect(modelsOf([deployment('openai/*', 'openai/*')], 'openai/ft:gpt/x')).toEqual(['ft:gpt/x']);
    expect(modelsOf([deployment('openai/*', 'openai/*')], 'azure/gpt-5')).toBeUndefined();
  });

  test.each([
    ['*', 'openai/*', 'anything', 'anything'],
    ['claude-*', 'anthropic/claude-*', 'claude-4', 'claude-4'],
    ['*-mini', 'openai/gpt-*-mini', '4o-mini', 'gpt-4o-mini'],
    ['a-*-b-*', 'openai/*/*', 'a-1-b-2', '1/2'],
    ['a-*-b-*', 'openai/*.x', 'a-1-b-2', 'a-1-b-2.x'],
    ['a/*', 'openai/*-*', 'a/1', '1-'],
    ['all/*', 'openai/fixed', 'all/x', 'fixed'],
    ['v1.*', 'openai/*', 'v1.5', '5'],
    ['$&*', 'openai/*', '$&$1', '$1'],
  ])('%s → %s: %s becomes %s', (group, model, name, upstream) => {
    expect(modelsOf([deployment(group, model)], name)).toEqual([upstream]);
  });

  test('is taken literally in all but its stars', () => {
    expect(modelsOf([deployment('v1.*', 'openai/*')], 'v1x5')).toBeUndefined();
    expect(modelsOf([deployment('(a|b)+*', 'openai/*')], '(a|b)+c')).toEqual(['c']);
    expect(modelsOf([deployment('(a|b)+*', 'openai/*')], 'ac')).toBeUndefined();
  });

  test('names the matched model everywhere', () => {
    const group = groupsOf([deployment('openai/*', 'openai/*')]).find('openai/gpt-5');
    expect(group).toMatchObject({
      name: 'openai/gpt-5',
      targets: [{ modelGroup: 'openai/gpt-5', litellmModel: 'openai/gpt-5' }],
    });
  });

  test('gives way to a name that is written out, and to a longer pattern', () => {
    const targets = [
      deployment('*', 'openai/any-*'),
      deployment('gpt-*', 'openai/gpt-*'),
      deployment('gpt-4', 'openai/exact'),
      deployment('gpt-4*', 'openai/long-*'),
    ];
    expect(['gpt-4', 'gpt-4o', 'gpt-3', 'x'].map((name) => modelsOf(targets, name)?.[0])).toEqual([
      'exact',
      'long-o',
      'gpt-3',
      'any-x',
    ]);
  });

  test('makes the deployments of a name once', () => {
    const groups = groupsOf([deployment('*', 'openai/*'), deployment('*', 'azure/*')]);
    expect(groups.find('x')?.targets).toHaveLength(2);
    const first = groups.find('x');
    expect(groups.find('x') === first).toBe(true);
  });

  test('is listed as written, after the plain names', () => {
    expect(groupsOf([deployment('openai/*', 'openai/*'), deployment('a', 'openai/1')]).names).toEqual([
      'a',
      'openai/*',
    ]);
  });

  test('stays quick whatever clients ask for', () => {
    const groups = groupsOf([deployment('*a*b*c*d', 'openai/*')]);
    const startedAtMs = performance.now();
    expect(groups.find('a'.repeat(1_000_000))).toBeUndefined();
    expect(groups.find('abc'.repeat(85))).toBeUndefined();
    expect(performance.now() - startedAtMs).toBeLessThan(1_000);
  });

  test('remembers a bounded number of names, none of them long', () => {
    const groups = groupsOf([deployment('*', 'openai/*')]);
    const first = groups.find('name-0');
    for (let index = 1; index <= 1_000; index++) groups.find(`name-${index}`);
    expect(groups.find('name-0') === first).toBe(false);
    expect(groups.find('x'.repeat(257))).toBeUndefined();
  });

  test.each(['..', 'a/../b', 'a/.', './a', '..:x', 'a..b', '.@1', 'a\\b', 'a\u0000', 'a\r\nHost: b', ''])(
    'hands on no name such as %j, which stands for another place in an address',
    (name) => {
      expect(modelsOf([deployment('p/*', 'openai/*')], `p/${name}`)).toBeUndefined();
      expect(modelsOf([deployment('p/*', 'openai/fixed')], `p/${name}`)).toEqual(name === '' ? ['fixed'] : undefined);
    },
  );

  test('hands on any other name whole', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 50 }), (name) => {
        fc.pre(name !== 'id' && !/\.\.|(^|[/:@])\.($|[/:@])|[\p{Cc}\\]/u.test(name));
        const target = sampleTarget({
          deploymentId: 'id',
          modelGroup: 'p/*',
          litellmModel: 'openai/*',
          upstreamModel: '*',
        });
        expect(modelsOf([target], `p/${name}`)).toEqual([name]);
      }),
    );
  });
});

describe('a blocked deployment', () => {
  const blockedOf = (targets: readonly Target[], blocked: readonly string[]) => createGroups(targets, {}, blocked);

  test('blocks its name when no other has it, and then no wildcard serves the name', () => {
    const groups = blockedOf([deployment('*', 'openai/*')], ['gpt-4']);
    expect([groups.isBlocked('gpt-4'), groups.find('gpt-4')]).toEqual([true, undefined]);
    expect([groups.isBlocked('gpt-5'), groups.find('gpt-5')?.name]).toEqual([false, 'gpt-5']);
  });

  test('blocks nothing while another of its name is there', () => {
    const groups = blockedOf([deployment('gpt-4', 'openai/gpt-4')], ['gpt-4']);
    expect([groups.isBlocked('gpt-4'), groups.find('gpt-4')?.targets.length]).toEqual([false, 1]);
  });

  test('with a wildcard for a name blocks what nobody else serves', () => {
    const groups = blockedOf([deployment('openai/a', 'openai/a'), deployment('openai/b*', 'openai/b*')], ['openai/*']);
    const blocked = ['openai/a', 'openai/b1', 'openai/c', 'other'].map((name) => groups.isBlocked(name));
    expect(blocked).toEqual([false, false, true, false]);
    expect(groups.isBlocked(`openai/${'c'.repeat(300)}`)).toBe(false);
  });
});
