import { expect, test } from 'bun:test';
import { adminPlace } from '../../test/support/admin-place.ts';

const place = adminPlace();
const FILTER = '/user/filter/ui';

async function people(): Promise<void> {
  for (const name of ['ada', 'adam', 'bob']) {
    place.nowMs += 1_000;
    const user_email = `${name}@${name === 'bob' ? 'other' : 'example'}.com`;
    await place.post('/user/new', { user_id: `id-${name}`, user_email, auto_create_key: false });
  }
}

const found = async (query: string): Promise<string[]> =>
  (await place.get(`${FILTER}?${query}`)).body.map(({ user_id }: { user_id: string }) => user_id);

test('people are found by parts of ids and addresses, newest first, and only both are told', async () => {
  await people();
  expect((await place.get(`${FILTER}?user_email=ADA@`)).body).toEqual([
    { user_id: 'id-ada', user_email: 'ada@example.com' },
  ]);
  expect(await found('user_id=id-')).toEqual(['id-bob', 'id-adam', 'id-ada']);
  expect(await found('search=example')).toEqual(['id-adam', 'id-ada']);
  expect(await found('search=example&user_id=adam&team_id=any')).toEqual(['id-adam']);
  expect(await found('user_id=nobody')).toEqual([]);
});

test('people come in pages', async () => {
  await people();
  expect(await found('page=2&page_size=2')).toEqual(['id-ada']);
  expect((await place.get(`${FILTER}?page_size=101`)).body.error.param).toBe('page_size');
});

test('who may list nobody finds nobody', async () => {
  await people();
  expect((await place.get(FILTER, await place.key({ user_id: 'id-ada' }))).status).toBe(403);
});
