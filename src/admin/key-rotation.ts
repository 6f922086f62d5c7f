/**
 * Keys with `auto_rotate` get a new secret when their `rotation_interval` is over. Source: LiteLLM's documentation of key
 * rotation; there a secret that nobody is told of locks its owner out, here such a rotation does not take place.
 */
import type { KeyRow } from '../db/keys.ts';
import { keysToRotate } from '../db/keys-to-rotate.ts';
import { endOfDuration } from '../lib/duration.ts';
import type { AdminContext } from './context.ts';
import { renewed } from './key-renewal.ts';
import { newSecret, tokenOf } from './key-secret.ts';
import { iso } from './limit-columns.ts';
import type { Author } from './write.ts';

/** A new secret on its way to whoever keeps it. */
export interface NewSecret {
  readonly event: 'key_rotated';
  readonly key: string;
  readonly token: string;
  readonly key_alias: string | null;
  readonly user_id: string | null;
  readonly team_id: string | null;
  /** Until when the old secret works; `null`: it does not any more. */
  readonly old_key_valid_until: string | null;
}

export interface Rotation {
  /** How long an old secret works on; `null`: not at all. */
  readonly gracePeriod: string | null;
  /** Resolves once the secret is safe there. Without it nobody learns the secret. */
  readonly deliver: ((secret: NewSecret) => Promise<void>) | undefined;
}

/** By their aliases or shown names; nothing here is a secret. */
export interface RotationReport {
  readonly rotated: readonly string[];
  /** Due, and left as they are: nobody would learn the new secret. */
  readonly due: readonly string[];
  readonly failed: readonly { readonly key: string; readonly error: unknown }[];
}

/** One round. A key that fails waits for the next one, with its old secret. */
export async function rotateDueKeys(
  context: AdminContext,
  author: Author,
  rotation: Rotation,
): Promise<RotationReport> {
  const report = { rotated: [] as string[], due: [] as string[], failed: [] as RotationReport['failed'][number][] };
  const rows = await keysToRotate(context.reader.lists, Math.round(context.now()));
  for (const row of rows) {
    const name = row.key_alias ?? row.key_name ?? row.token.slice(0, 8);
    if (rotation.deliver === undefined && rotation.gracePeriod === null) {
      report.due.push(name);
      continue;
    }
    try {
      await rotate(context, row, { author, rotation });
      report.rotated.push(name);
    } catch (error) {
      report.failed.push({ key: name, error });
    }
  }
  return report;
}

interface Turn {
  readonly author: Author;
  readonly rotation: Rotation;
}

/** Told first, then made so: when either fails, the old secret still works and the next round makes another. */
async function rotate(context: AdminContext, row: KeyRow, { author, rotation }: Turn): Promise<void> {
  const { gracePeriod, deliver } = rotation;
  const secret = newSecret(context);
  const nowMs = context.now();
  const untilMs = gracePeriod === null ? null : (endOfDuration(gracePeriod, nowMs) ?? null);
  const { key_alias, user_id, team_id } = row;
  const token = tokenOf(secret);
  await deliver?.({
    ...{ event: 'key_rotated', key: secret, token, key_alias, user_id, team_id },
    old_key_valid_until: iso(untilMs),
  });
  await renewed(context, row.token, { secret, gracePeriod, fields: {}, keepsAuthor: true }, author);
}
