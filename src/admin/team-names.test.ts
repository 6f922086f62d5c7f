import { expect, test } from 'bun:test';
import { adminPlace } from '../../test/support/admin-place.ts';
import { addTeam } from '../../test/support/key-owners.ts';
import { sampleRow } from '../../test/support/sample-row.ts';

const place = adminPlace();
const AT_MS = Date.UTC(2026, 0, 30, 12);
const RANGE = 'start_date=2026-01-30&end_date=2026-01-30';

test.each<[string, Record<string, string | null>, Record<string, number>]>([
  ['by their aliases', { t1: 'Red', t2: 'Blue' }, { Red: 1, Blue: 2 }],
  ['by their ids where they have no alias', { t1: null, t2: 'Blue' }, { t1: 1, Blue: 2 }],
  ['by their ids where two have one alias', { t1: 'Red', t2: 'Red', t3: 'Blue' }, { t1: 1, t2: 2, Blue: 4 }],
  ['by its id where its alias is the id of another', { t1: null, t2: 't1' }, { t1: 1, t2: 2 }],
  ['by its alias where that is its own id', { t1: 't1', t2: 'Blue' }, { t1: 1, Blue: 2 }],
  ['by their ids where each has the other’s for its alias', { t1: 't2', t2: 't1' }, { t1: 1, t2: 2 }],
])('teams are told %s, and none takes another’s sum', async (_, aliases, expected) => {
  for (const [at, [id, team_alias]] of Object.entries(aliases).entries()) {
    await addTeam(place.db, id, { team_alias });
    const row = { teamId: id, startedAtMs: AT_MS, endedAtMs: AT_MS + 1, costNanoUsd: 2 ** at * 1e9 };
    place.ledger.record(sampleRow(row));
  }
  const totals = (await place.get(`/global/spend/teams?${RANGE}`)).body;
  expect(totals.daily_spend).toEqual([{ ...expected, date: '2026-01-30' }]);
  expect(totals.teams.toSorted()).toEqual(Object.keys(expected).toSorted());
  const [day] = (await place.get(`/global/spend/report?${RANGE}`)).body;
  const told = day.teams.map((team: { team_name: string; total_spend: number }) => [team.team_name, team.total_spend]);
  expect(Object.fromEntries(told)).toEqual(expected);
  expect(told).toHaveLength(Object.keys(aliases).length);
});

test('a team called like the day, or like those of no team, does not take their place', async () => {
  await addTeam(place.db, 't1', { team_alias: 'date' });
  await addTeam(place.db, 't2', { team_alias: 'Unassigned Team' });
  for (const [at, teamId] of ['t1', 't2', null].entries()) {
    const row = { teamId, startedAtMs: AT_MS, endedAtMs: AT_MS + 1, costNanoUsd: 2 ** at * 1e9 };
    place.ledger.record(sampleRow(row));
  }
  const totals = (await place.get(`/global/spend/teams?${RANGE}`)).body;
  expect(totals.daily_spend).toEqual([{ t1: 1, 'Unassigned Team': 2, date: '2026-01-30' }]);
  const [day] = (await place.get(`/global/spend/report?${RANGE}`)).body;
  const told = day.teams.map((team: { team_name: string; total_spend: number }) => [team.team_name, team.total_spend]);
  expect(Object.fromEntries(told)).toEqual({ date: 1, t2: 2, 'Unassigned Team': 4 });
});
