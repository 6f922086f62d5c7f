import { expect, test } from 'bun:test';
import { sampleCall } from '../../test/support/call-parts.ts';
import { GatewayError } from '../errors.ts';
import type { Directory, EndUser, EntityKind, Tag } from '../gateway/entities.ts';
import { createGuestsOf } from './guests.ts';

const common = { name: null, models: [], metadata: {}, allowance: {} };
const endUser = (id: string, blocked = false) =>
  ({ ...common, kind: 'end_user', id, blocked, defaultModel: null, allowedModelRegion: null }) as unknown as EndUser;
const tag = (id: string) => ({ ...common, kind: 'tag', id, blocked: false }) as unknown as Tag;

/** What is stored; `cold` has to be fetched first. */
function directoryOf(stored: readonly (EndUser | Tag)[], cold: ReadonlySet<string> = new Set()) {
  const asked: string[] = [];
  const find = (kind: EntityKind, id: string) => stored.find((one) => one.kind === kind && one.id === id) ?? null;
  const directory = {
    peek: (kind: EntityKind, id: string) => (cold.has(id) ? undefined : find(kind, id)),
    async fetch(kind: EntityKind, id: string) {
      asked.push(`${kind} ${id}`);
      return find(kind, id);
    },
    version: () => 7,
  } as unknown as Directory; // All that is asked of it.
  return { directory, asked };
}

const LOG = { userAgentTags: true, endUserTracking: true } as never; // All that is read of it.
const guestsIn = (directory: Directory, log = LOG) => createGuestsOf(directory, () => ({ log }));
const call = (endUserId: string | null, ...tags: string[]) => sampleCall({ controls: { endUser: endUserId, tags } });

test('whom a request names is there at once while they are in memory', () => {
  const { directory, asked } = directoryOf([endUser('ada'), tag('a')]);
  expect(guestsIn(directory)(call('ada', 'a', 'unknown'))).toEqual({
    endUser: endUser('ada'),
    tags: [tag('a')],
    version: 7,
  });
  expect(asked).toEqual([]);
});

test('who is not in memory is fetched, once for the request, all at the same time', async () => {
  const { directory, asked } = directoryOf([endUser('ada'), tag('a')], new Set(['ada', 'a', 'nobody']));
  const found = guestsIn(directory)(call('ada', 'a', 'nobody'));
  expect(found).toBeInstanceOf(Promise);
  expect(await found).toEqual({ endUser: endUser('ada'), tags: [tag('a')], version: 7 });
  expect(asked).toEqual(['end_user ada', 'tag a', 'tag nobody']);
});

test('a request that names nobody asks for nobody', () => {
  const { directory } = directoryOf([endUser('ada')], new Set(['ada']));
  const untracked = { userAgentTags: true, endUserTracking: false } as never; // All that is read of it.
  expect(guestsIn(directory)(call(null))).toEqual({ endUser: null, tags: [] });
  expect(guestsIn(directory, untracked)(call('ada'))).toEqual({ endUser: null, tags: [] });
});

test('a blocked end user is refused, in memory or not', async () => {
  for (const cold of [new Set<string>(), new Set(['mallory'])]) {
    const { directory } = directoryOf([endUser('mallory', true)], cold);
    const outcome = await (async () => guestsIn(directory)(call('mallory')))().catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(GatewayError);
    expect(outcome).toMatchObject({ kind: 'permission_denied', details: { param: 'user' } });
  }
});
