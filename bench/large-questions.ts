/** What is asked of a gateway with a large database: the pages and reports that people look at. */

import { ownersOf, peopleOf, type Size, secretOf, tokenOf, userOf } from './seed-people.ts';
import { busyKey, SPAN_MS } from './seed-requests.ts';

export interface Question {
  readonly name: string;
  readonly method?: 'GET' | 'POST';
  /** By how often it was asked before. */
  path(times: number): string;
  readonly body?: object;
}

const PAGE = 50;
const day = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10);

export function questions({ keys, rows }: Size, nowMs: number): Question[] {
  const busy = busyKey(0, keys);
  const { teamId, organizationId } = ownersOf(busy, peopleOf(keys));
  const month = `start_date=${day(nowMs - SPAN_MS + 86_400_000)}&end_date=${day(nowMs)}`;
  const lastPage = (total: number): number => Math.ceil(total / PAGE);
  const to = (name: string, path: string): Question => ({ name, path: () => path });
  const list = (name: string, query: string): Question => to(`keys: ${name}`, `/key/list?size=${PAGE}&${query}`);
  return [
    list('first page', 'return_full_object=true'),
    list('middle page', `page=${Math.ceil(lastPage(keys) / 2)}`),
    list('last page', `page=${lastPage(keys)}`),
    list('of a team', `team_id=${teamId}`),
    list('of a user', `user_id=${userOf(busy)}`),
    list('of an alias', 'key_alias=alias-1'),
    list('active', 'status=active'),
    list('expired', 'status=expired'),
    list('by spend', 'sort_by=spend&sort_order=desc'),
    list('by spend, lowest', 'sort_by=spend&sort_order=asc'),
    list('by budget', 'sort_by=max_budget&sort_order=desc'),
    { name: 'key, one', path: (times) => `/key/info?key=${tokenOf((times * 7_907) % keys)}` },
    to('aliases: a part', '/key/aliases?search=9999&size=50'),
    to('key, the busiest', `/key/info?key=${tokenOf(busy)}`),
    to('log: first page', `/spend/logs/v2?${month}&page_size=${PAGE}`),
    to('log: last page', `/spend/logs/v2?${month}&page_size=${PAGE}&page=${Math.max(1, lastPage(rows * 0.95))}`),
    to('log: of a key', `/spend/logs/v2?${month}&page_size=${PAGE}&api_key=${tokenOf(busy)}`),
    to('log: of a team', `/spend/logs/v2?${month}&page_size=${PAGE}&team_id=${teamId}`),
    to('log: failures', `/spend/logs/v2?${month}&page_size=${PAGE}&status_filter=failure`),
    to('log: without dates', '/spend/logs/v2?page_size=50'),
    to('log: days of a key', `/spend/logs?${month}&api_key=${tokenOf(busy)}`),
    to('total', '/global/spend'),
    to('total by day', '/global/spend/logs'),
    to('total by key', '/global/spend/keys?limit=10'),
    to('total by model', '/global/spend/models?limit=10'),
    to('total by team', '/global/spend/teams'),
    to('total by tag', '/global/spend/tags'),
    to('report of a day by team', `/global/spend/report?start_date=${day(nowMs)}&end_date=${day(nowMs)}&group_by=team`),
    to('activity', `/global/activity?${month}`),
    to('days of a team', `/team/daily/activity?${month}&team_ids=${teamId}`),
    to('days of all teams', `/team/daily/activity?${month}`),
    to('days of a user', `/user/daily/activity?${month}&user_id=${userOf(busy)}`),
    to('days of all users', `/user/daily/activity/aggregated?${month}`),
    to('days of an organization', `/organization/daily/activity?${month}&organization_ids=${organizationId}`),
    to('team', `/team/info?team_id=${teamId}`),
    to('user', `/user/info?user_id=${userOf(busy)}`),
  ];
}

/** Keys that nobody has used since the start, with budgets on key, team, user and organization: every twentieth has them all. */
export const coldKey = (times: number, keys: number): string =>
  secretOf(((times * 201) % Math.max(1, Math.floor(keys / 20))) * 20);
export const warmKey = (): string => secretOf(0);
