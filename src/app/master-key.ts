/** The admin's key: the operator's own, or a random one made on the first start, shown once and kept as a digest. */
import { randomBytes } from 'node:crypto';
import { digest } from '../auth/digest.ts';
import type { Config } from '../config/config.ts';
import type { Database } from '../db/client.ts';
import { readSetting, writeSetting } from '../db/settings.ts';

export interface MasterKey {
  /** SHA-256 hex. */
  readonly hash: string;
  /** The key itself, only in the process that has just made it. */
  readonly made: string | undefined;
}

const SETTING = 'admin_key_hash';

export async function createMasterKey({
  config,
  db,
}: {
  readonly config: Config;
  readonly db: Database;
}): Promise<MasterKey> {
  const { masterKey } = config.general;
  if (masterKey !== undefined && masterKey !== '') return { hash: digest(masterKey), made: undefined };
  const known = await readSetting(db, SETTING);
  if (known !== undefined) return { hash: known, made: undefined };
  const made = `sk-${randomBytes(32).toString('base64url')}`;
  await writeSetting(db, SETTING, digest(made));
  return { hash: digest(made), made };
}
