import { beforeEach, describe, expect, test } from 'bun:test';
import { adminPlace } from '../../test/support/admin-place.ts';
import { budgetRow, organizationRow } from '../../test/support/entity-rows.ts';
import { type BudgetRow, budgets } from '../db/budgets.ts';
import { organizations } from '../db/organizations.ts';
import { EVERYTHING } from '../db/visibility.ts';
import { type BudgetWish, storeBudget } from './owned-budget.ts';

const place = adminPlace();

let made = 0;
const store = (known: string | null, wish: BudgetWish): Promise<string | null | undefined> =>
  storeBudget(place.db, known, wish, { nowMs: 7, by: 'me', organizationId: null, newId: () => `new-${++made}` });
const find = (id: string | null | undefined): Promise<BudgetRow | undefined> =>
  budgets.find(place.db, id ?? '', EVERYTHING);

beforeEach(async () => {
  made = 0;
  await budgets.insert(place.db, budgetRow('b', { rpm_limit: 3, max_budget_nano_usd: 1e9 }));
  await organizations.insert(place.db, organizationRow('one', { budget_id: 'b' }));
});

describe('the budget behind an entity', () => {
  test('stays as it is when nothing is said of it', async () => {
    expect(await store('b', {})).toBeUndefined();
    expect(await store(null, {})).toBeUndefined();
  });

  test('is made when there is none', async () => {
    expect(await store(null, { max_budget: 2 })).toBe('new-1');
    expect(await find('new-1')).toMatchObject({
      max_budget_nano_usd: 2e9,
      created_by: 'me',
      created_at_ms: 7,
      version: 1,
    });
  });

  test('is changed while nobody else refers to it', async () => {
    expect(await store('b', { max_budget: 2 })).toBe('b');
    expect(await find('b')).toMatchObject({ max_budget_nano_usd: 2e9, rpm_limit: 3, version: 2 });
  });

  test('is copied when others share it, and theirs stays', async () => {
    await organizations.insert(place.db, organizationRow('two', { budget_id: 'b' }));
    expect(await store('b', { max_budget: 2 })).toBe('new-1');
    expect(await find('new-1')).toMatchObject({ max_budget_nano_usd: 2e9, rpm_limit: 3 });
    expect(await find('b')).toMatchObject({ max_budget_nano_usd: 1e9, version: 1 });
  });

  test('is made anew when the one referred to is gone', async () => {
    expect(await store('gone', { rpm_limit: 1 })).toBe('new-1');
    expect(await find('new-1')).toMatchObject({ rpm_limit: 1, max_budget_nano_usd: null });
  });

  test('is another when its id is sent, or none', async () => {
    expect(await store('x', { budget_id: 'b' })).toBe('b');
    expect(await store('b', { budget_id: null })).toBeNull();
  });

  test('cannot be both shared and inline, nor one that is not there', async () => {
    await expect(store(null, { budget_id: 'b', max_budget: 1 })).rejects.toThrow('either');
    await expect(store(null, { budget_id: 'nowhere' })).rejects.toThrow('no budget');
  });
});
