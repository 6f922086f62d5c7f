/**
 * A process that changes a database in transactions of many parts until it is killed, for tests of what is left behind.
 * Arguments: database file, and how far a transaction gets before the process says so. Prints one line a transaction.
 */
import { writeSync } from 'node:fs';
import { appendAudit } from '../../src/db/audit-log.ts';
import { openDatabase } from '../../src/db/client.ts';
import { insertKey, keys, removeKeys } from '../../src/db/keys.ts';
import { regenerateKey } from '../../src/db/regenerated-keys.ts';
import { insertRequests } from '../../src/db/requests.ts';
import { teamMembers } from '../../src/db/team-members.ts';
import { teams } from '../../src/db/teams.ts';
import { EVERYTHING } from '../../src/db/visibility.ts';
import { keyRow, memberRow, teamRow } from './entity-rows.ts';
import { sampleRow } from './sample-row.ts';

const db = await openDatabase({ url: `sqlite:${process.argv[2]}` });
const KEYS_PER_TEAM = 5;

const entry = (object_kind: string, object_id: string, action: string) => ({
  at_ms: 1,
  actor_key: null,
  actor_user: null,
  actor_role: null,
  action,
  object_kind,
  object_id,
  organization_id: null,
  team_id: null,
  before_values: null,
  after_values: null,
  changed_by: null,
  call_id: null,
});

for (let number = 0; ; number++) {
  const team_id = `${process.pid} team ${number}`;
  await db.transaction().execute(async (transaction) => {
    await teams.insert(transaction, teamRow(team_id));
    for (let at = 0; at < KEYS_PER_TEAM; at++) {
      await insertKey(transaction, keyRow(`${team_id} key ${at}`, { team_id, key_alias: `${team_id} ${at}` }));
      await teamMembers.insert(transaction, memberRow(team_id, `user ${at}`));
    }
    await appendAudit(transaction, entry('teams', team_id, 'created'));
  });
  await insertRequests(
    db,
    Array.from({ length: 20 }, (_, at) =>
      sampleRow({ teamId: team_id, keyHash: `${team_id} key ${at % KEYS_PER_TEAM}`, costNanoUsd: 7, tags: ['a', 'b'] }),
    ),
  );
  await db.transaction().execute(async (transaction) => {
    await removeKeys(transaction, [`${team_id} key 0`], { visibility: EVERYTHING, nowMs: 5 });
    await appendAudit(transaction, entry('keys', `${team_id} key 0`, 'deleted'));
  });
  await regenerateKey(db, `${team_id} key 1`, {
    newToken: `${team_id} new key 1`,
    oldValidUntilMs: 9,
    nowMs: 5,
    change: () => ({}),
  });
  await keys.change(db, `${team_id} key 2`, EVERYTHING, () => ({ blocked: 1, updated_at_ms: 2 }));
  writeSync(1, `${team_id}\n`);
}
