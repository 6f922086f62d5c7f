import { beforeEach, describe, expect, test } from 'bun:test';
import { type Answer, adminPlace } from '../../test/support/admin-place.ts';

const place = adminPlace();

interface Kind {
  readonly noun: string;
  make(fields: object): Promise<Answer>;
  change(fields: object): Promise<Answer>;
  remove(): Promise<Answer>;
  /** `litellm_budget_table` as it is shown. */
  table(): Promise<Record<string, unknown> | null>;
}

const customer: Kind = {
  noun: 'customer',
  make: (fields) => place.post('/customer/new', { user_id: 'c', ...fields }),
  change: (fields) => place.post('/customer/update', { user_id: 'c', ...fields }),
  remove: () => place.post('/customer/delete', { user_ids: ['c'] }),
  table: async () => (await place.get('/customer/info?end_user_id=c')).body.litellm_budget_table,
};
const tag: Kind = {
  noun: 'tag',
  make: (fields) => place.post('/tag/new', { name: 'c', ...fields }),
  change: (fields) => place.post('/tag/update', { name: 'c', ...fields }),
  remove: () => place.post('/tag/delete', { name: 'c' }),
  table: async () => (await place.post('/tag/info', { names: ['c'] })).body.c.litellm_budget_table,
};
const KINDS = [customer, tag].map((kind) => [kind.noun, kind] as const);

beforeEach(async () => {
  await place.post('/budget/new', { budget_id: 'b', max_budget: 5, rpm_limit: 3, budget_duration: '1d' });
  await place.post('/budget/new', { budget_id: 'b2', max_budget: 7 });
});

describe.each(KINDS)('a %s', (noun, kind) => {
  test('without limits shows none', async () => {
    await kind.make({});
    expect(await kind.table()).toBeNull();
  });

  test('shows the budget that it refers to, as that is now', async () => {
    await kind.make({ budget_id: 'b' });
    expect(await kind.table()).toMatchObject({
      budget_id: 'b',
      max_budget: 5,
      rpm_limit: 3,
      budget_duration: '1d',
      budget_reset_at: '2026-02-01T00:00:00.000Z',
    });
    await place.post('/budget/update', { budget_id: 'b', max_budget: 6, budget_duration: null });
    expect(await kind.table()).toMatchObject({
      max_budget: 6,
      rpm_limit: 3,
      budget_duration: null,
      budget_reset_at: null,
    });
  });

  test.each<[string, object, object]>([
    ['another budget', { budget_id: 'b2' }, { budget_id: 'b2', max_budget: 7, rpm_limit: null }],
    ['a limit of its own over it', { max_budget: 1 }, { budget_id: 'b', max_budget: 1, rpm_limit: 3 }],
    ['a limit of zero over it', { rpm_limit: 0 }, { budget_id: 'b', max_budget: 5, rpm_limit: 0 }],
    ['a window of its own', { budget_duration: '30d' }, { budget_id: 'b', max_budget: 5, budget_duration: '30d' }],
    ['nothing', {}, { budget_id: 'b', max_budget: 5, rpm_limit: 3 }],
  ])('that refers to one takes %s', async (_, change, shown) => {
    await kind.make({ budget_id: 'b' });
    expect((await kind.change(change)).status).toBe(200);
    expect(await kind.table()).toMatchObject(shown);
    // What others share stays as it is.
    expect((await place.post('/budget/info', { budgets: ['b'] })).body[0].max_budget).toBe(5);
  });

  test('that leaves its budget has no limits, and its own again when it sets them', async () => {
    await kind.make({ budget_id: 'b' });
    await kind.change({ budget_id: null });
    expect(await kind.table()).toBeNull();
    await kind.change({ max_budget: 2 });
    expect(await kind.table()).toMatchObject({ budget_id: null, max_budget: 2, rpm_limit: null });
  });

  test('with limits of its own loses them to a budget that it refers to', async () => {
    await kind.make({ max_budget: 2, rpm_limit: 9, tpm_limit: 100 });
    await kind.change({ budget_id: 'b2' });
    expect(await kind.table()).toMatchObject({ budget_id: 'b2', max_budget: 7, rpm_limit: null, tpm_limit: null });
  });

  test.each<[string, unknown]>([
    ['max_budget', 1],
    ['soft_budget', 1],
    ['budget_duration', '1d'],
    ['max_parallel_requests', 1],
    ['tpm_limit', 1],
    ['rpm_limit', 0],
    ['model_max_budget', { m: 1 }],
  ])('with a budget and %s besides is refused, made or changed', async (field, value) => {
    const message = `Set either '${field}' or 'budget_id', not both: what the budget says holds for all who refer to it.`;
    const expected = [400, 'budget_id', message];
    const both = { budget_id: 'b', [field]: value };
    const unmade = await kind.make(both);
    expect([unmade.status, unmade.body.error.param, unmade.body.error.message]).toEqual(expected);
    await kind.make({ budget_id: 'b2' });
    const unchanged = await kind.change(both);
    expect([unchanged.status, unchanged.body.error.param, unchanged.body.error.message]).toEqual(expected);
    expect(await kind.table()).toMatchObject({ budget_id: 'b2', max_budget: 7 });
  });

  test('takes no budget that is not there', async () => {
    const message = "There is no budget 'x'. Make it first with /budget/new.";
    const unmade = await kind.make({ budget_id: 'x' });
    await kind.make({ budget_id: 'b' });
    for (const { status, body } of [unmade, await kind.change({ budget_id: 'x' })]) {
      expect([status, body.error.param, body.error.message]).toEqual([400, 'budget_id', message]);
    }
    expect(await kind.table()).toMatchObject({ budget_id: 'b' });
  });

  test.each<[string, () => Promise<Answer>]>([
    ['is gone', () => kind.remove()],
    ['refers to another', () => kind.change({ budget_id: 'b2' })],
    ['refers to none', () => kind.change({ budget_id: null })],
  ])('keeps its budget from being deleted until it %s', async (_, release) => {
    await kind.make({ budget_id: 'b' });
    const { status, body } = await place.post('/budget/delete', { id: 'b' });
    const message = `The budget 'b' is used by 1 ${noun}. Give them another one first.`;
    expect([status, body.error.param, body.error.message]).toEqual([400, 'id', message]);
    expect(await kind.table()).toMatchObject({ budget_id: 'b', max_budget: 5 });
    expect((await release()).status).toBe(200);
    expect((await place.post('/budget/delete', { id: 'b' })).status).toBe(200);
  });
});

test('a budget that several kinds share is told with all of them, until the last has left', async () => {
  const key = await place.key({ budget_id: 'b' });
  await place.key({ budget_id: 'b2' });
  await customer.make({ budget_id: 'b' });
  await tag.make({ budget_id: 'b' });
  const refused = async () => (await place.post('/budget/delete', { id: 'b' })).body.error.message;
  for (const use of ['1 key', '1 customer', '1 tag']) expect(await refused()).toContain(use);
  await customer.remove();
  await tag.change({ budget_id: 'b2' });
  expect(await refused()).toBe("The budget 'b' is used by 1 key. Give them another one first.");
  await place.post('/key/update', { key, budget_id: null });
  expect((await place.post('/budget/delete', { id: 'b' })).body.budget_id).toBe('b');
});
