/**
 * The keys that stored secrets are sealed with: LITELLM_SALT_KEY, else the master key, else a random one in a file of the
 * data folder. All that are known open, so that a salt key can be introduced or replaced; the first one seals.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import type { Env } from '../config/env.ts';
import { createSecretBox, keyIdOfSecret, type SecretBox } from '../lib/secret-box.ts';

/** Readable by the gateway's own user only. */
const FILE = 'secret.key';
const OWNER_ONLY = 0o600;

/** The box is made when it is first needed: deriving a key is slow on purpose. */
export function secretBoxOf(config: Config, env: Pick<Env, 'saltKey' | 'oldSaltKey'>): () => SecretBox {
  let box: SecretBox | undefined;
  return () => {
    box ??= boxOf(secretsOf(config, env));
    return box;
  };
}

function boxOf(secrets: readonly string[]): SecretBox {
  const keys = secrets.map((secret) => ({ id: keyIdOfSecret(secret), secret }));
  return createSecretBox({ keys, current: keys[0]?.id ?? '', randomBytes });
}

function secretsOf({ general, tollgate }: Config, env: Pick<Env, 'saltKey' | 'oldSaltKey'>): readonly string[] {
  const file = join(tollgate.dataDir, FILE);
  const given = [env.saltKey, general.masterKey, env.oldSaltKey].filter(
    (secret): secret is string => secret !== undefined && secret !== '',
  );
  const own = env.saltKey ?? general.masterKey ?? '';
  if (own !== '') return [...new Set([...given, ...(existsSync(file) ? [readFileSync(file, 'utf8').trim()] : [])])];
  return [...new Set([secretIn(file), ...given])];
}

function secretIn(file: string): string {
  if (!existsSync(file)) {
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, `${randomBytes(32).toString('base64url')}\n`, { mode: OWNER_ONLY, flag: 'wx' });
  }
  const secret = readFileSync(file, 'utf8').trim();
  if (secret !== '') return secret;
  throw new Error(`${file} is empty. Restore it from a backup, or remove it: secrets sealed with it are then lost.`);
}
