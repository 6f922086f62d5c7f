/** `--rotate-credentials`: a new LITELLM_SALT_KEY takes the place of the one that stored secrets are sealed with. */
import type { Config } from '../config/config.ts';
import type { Env } from '../config/env.ts';
import { openDatabase } from '../db/client.ts';
import { resealAll } from '../db/sealed-values.ts';
import { SecretBoxError } from '../lib/secret-box.ts';
import { secretBoxOf } from './secret-keys.ts';

/**
 * All or nothing.
 * @returns what was done, in a sentence
 * @throws Error in plain words, also while a server has the database open
 */
export async function rotateCredentials(config: Config, env: Pick<Env, 'saltKey' | 'oldSaltKey'>): Promise<string> {
  const db = await openDatabase({ url: config.general.databaseUrl });
  try {
    const box = secretBoxOf(config, env)();
    const { models, credentials, values } = await resealAll(db, box);
    const key = `with the key "${box.currentKeyId}"`;
    if (values === 0) return `Nothing to do: all stored secrets are sealed ${key}.`;
    return `Sealed ${counted(values, 'secret')} ${key}, in ${counted(models, 'model')} and ${counted(credentials, 'credential')}. LITELLM_SALT_KEY_OLD is not needed any more.`;
  } catch (cause) {
    if (!(cause instanceof SecretBoxError)) throw cause;
    throw new Error(
      `nothing was changed. ${cause.message} The key before may be given as LITELLM_SALT_KEY_OLD; what cannot be opened at all can be deleted with /model/delete or DELETE /credentials/NAME.`,
      { cause },
    );
  } finally {
    await db.destroy();
  }
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
