import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { GatewayError } from '../errors.ts';
import { type Bag, bagAfter, guarded, type Standing } from './metadata.ts';

function refused(after: Bag, before: Bag, standing: Standing): string | undefined {
  try {
    guarded(after, before, standing);
    return undefined;
  } catch (thrown) {
    if (thrown instanceof GatewayError) return thrown.details.param;
    throw thrown;
  }
}

describe('the bag after a request', () => {
  test('is nothing new when nothing is said of it', () => {
    expect(bagAfter({}, ['tags'], { a: 1 })).toBeUndefined();
  });

  test('is what was sent, with the fields that are kept in it', () => {
    expect(bagAfter({ metadata: { b: 2 } }, ['tags'], { a: 1 })).toEqual({ b: 2 });
    const fields = { metadata: { b: 2 }, tags: ['x'] };
    expect(bagAfter(fields, ['tags'], { a: 1 })).toEqual({ b: 2, tags: ['x'] });
  });

  test('keeps the rest when only such a field was sent, and loses one that is null', () => {
    expect(bagAfter({ tags: ['x'] } as object, ['tags'], { a: 1 })).toEqual({ a: 1, tags: ['x'] });
    expect(bagAfter({ tags: null } as object, ['tags'], { a: 1, tags: ['x'] })).toEqual({ a: 1 });
    expect(bagAfter({ metadata: null }, ['tags'], { a: 1 })).toEqual({});
  });
});

describe('names that mean something', () => {
  const LOOSENING = [
    'allow_client_pricing_override',
    'disable_global_guardrails',
    'guardrails',
    'team_member_budget_id',
  ];
  const LIMITING = ['model_rpm_limit', 'tags'];
  const OPEN = ['note', 'desk'];
  const only = (bag: Bag, names: readonly string[]): unknown[] => names.map((name) => bag[name]);

  test.each<[Standing, readonly string[], readonly string[]]>([
    ['platform', [...LOOSENING, ...LIMITING, 'note'], ['_gw', '_gw.x']],
    ['organization', [...LIMITING, 'note'], [...LOOSENING, '_gw']],
    ['team', ['note'], [...LOOSENING, ...LIMITING, '_gw']],
    ['self', ['note'], [...LOOSENING, ...LIMITING, '_gw']],
  ])('%s writes some and not others', (standing, open, closed) => {
    for (const name of open) expect(refused({ [name]: 1 }, {}, standing)).toBeUndefined();
    for (const name of closed) expect(refused({ [name]: 1 }, {}, standing)).toBe(`metadata.${name}`);
  });

  test('may be sent as they are, and stay when they are left out', () => {
    const before = { tags: ['x'], note: 1 };
    expect(guarded({ tags: ['x'], other: 2 }, before, 'self')).toEqual({ tags: ['x'], other: 2 });
    expect(guarded({ other: 2 }, before, 'self')).toEqual({ tags: ['x'], other: 2 });
    expect(guarded({ other: 2 }, before, 'platform')).toEqual({ other: 2 });
  });

  test('never change through a bag that is accepted', () => {
    const name = fc.constantFrom(...LOOSENING, ...LIMITING, '_gw', 'note', 'desk');
    const bag = fc.dictionary(name, fc.integer({ min: 0, max: 2 }));
    const standing = fc.constantFrom<Standing>('organization', 'team', 'self');
    fc.assert(
      fc.property(bag, bag, standing, (after, before, who) => {
        if (refused(after, before, who) !== undefined) return;
        const kept = guarded(after, before, who);
        const closed = who === 'organization' ? LOOSENING : [...LOOSENING, ...LIMITING];
        expect(only(kept, closed)).toEqual(only(before, closed));
        expect(only(kept, OPEN)).toEqual(only(after, OPEN));
      }),
      { numRuns: 300 },
    );
  });
});
