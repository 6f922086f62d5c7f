/** `/key/*`. Source: LiteLLM's documentation of virtual keys. */

import type { Caller } from '../auth/authenticate.ts';
import { digest } from '../auth/digest.ts';
import { objectIn } from '../auth/loaded-key.ts';
import {
  deleteKeys,
  findDeletedKey,
  findKey,
  insertKey,
  type KeyRow,
  listKeys,
  tokensByAlias,
  updateKey,
} from '../db/keys.ts';
import { spendByKey } from '../db/requests.ts';
import { GatewayError, invalidRequest } from '../errors.ts';
import type { AdminContext } from './context.ts';
import type { KeyFields } from './key-schema.ts';
import { columnsOf, keyView } from './key-view.ts';

type View = Record<string, unknown>;

const SHORTEST_KEY = 16;
const DIGEST = /^[0-9a-f]{64}$/;

/** Routes accept the key itself or its digest. */
const tokenOf = (key: string): string => (DIGEST.test(key) ? key : digest(key));

const EMPTY: Omit<KeyRow, 'token' | 'created_at_ms' | 'updated_at_ms' | 'key_name'> = {
  blocked: 0,
  key_alias: null,
  user_id: null,
  team_id: null,
  organization_id: null,
  project_id: null,
  agent_id: null,
  budget_id: null,
  budget_duration: null,
  key_type: null,
  created_by: null,
  updated_by: null,
  models: null,
  aliases: null,
  config: null,
  permissions: null,
  metadata: null,
  allowed_routes: null,
  allowed_cache_controls: null,
  model_max_budget: null,
  budget_limits: null,
  router_settings: null,
  access_group_ids: null,
  policies: null,
  expires_at_ms: null,
  max_budget_nano_usd: null,
  soft_budget_nano_usd: null,
  budget_reset_at_ms: null,
  max_parallel_requests: null,
  tpm_limit: null,
  rpm_limit: null,
  tpd_limit: null,
};

export class Keys {
  readonly #context: AdminContext;

  constructor(context: AdminContext) {
    this.#context = context;
  }

  /** The only answer that ever holds the key itself. */
  async generate(fields: KeyFields & { key?: string | null | undefined }, caller: Caller): Promise<View> {
    const { db, keys } = this.#context;
    const { key: custom, ...rest } = fields;
    const secret = custom ?? `sk-${Buffer.from(this.#context.randomBytes()).toString('base64url')}`;
    if (!secret.startsWith('sk-') || secret.length < SHORTEST_KEY || /[\s,]/.test(secret)) {
      throw invalidRequest(
        `'key' must start with "sk-", be at least ${SHORTEST_KEY} characters long and hold no spaces or commas.`,
        'key',
      );
    }
    const token = digest(secret);
    if (await findKey(db, token))
      throw invalidRequest('This key exists already; choose another, or leave it out to have one made.', 'key');
    await this.#refuseTakenAlias(rest.key_alias, token);
    const nowMs = Math.round(this.#context.now());
    const row: KeyRow = {
      ...EMPTY,
      token,
      key_name: `sk-...${secret.slice(-4)}`,
      created_at_ms: nowMs,
      updated_at_ms: nowMs,
      created_by: nameOf(caller),
      updated_by: nameOf(caller),
      ...columnsOf(rest, {}, nowMs),
    };
    await insertKey(db, row);
    keys.invalidate(token);
    return { key: secret, token, token_id: token, ...keyView(row, 0) };
  }

  async info(key: string | undefined, caller: Caller): Promise<View> {
    const token = key === undefined ? caller.keyHash : tokenOf(key);
    const { db } = this.#context;
    const row = this.#visible(token, caller) ? await findKey(db, token) : undefined;
    const deleted = row ?? (this.#visible(token, caller) ? await findDeletedKey(db, token) : undefined);
    if (!deleted) throw unknownKey();
    const view = keyView(deleted, await this.#spend(token));
    return { key: key ?? token, info: { ...view, status: row ? this.#status(row) : 'deleted' } };
  }

  async update(key: string, fields: KeyFields, caller: Caller): Promise<View> {
    const token = tokenOf(key);
    const { db, keys } = this.#context;
    const row = await findKey(db, token);
    if (!row) throw unknownKey();
    await this.#refuseTakenAlias(fields.key_alias, token);
    const nowMs = Math.round(this.#context.now());
    const columns = columnsOf(fields, objectIn(row.metadata), nowMs);
    await updateKey(db, token, { ...columns, updated_at_ms: nowMs, updated_by: nameOf(caller) });
    keys.invalidate(token);
    const changed = { ...row, ...columns, updated_at_ms: nowMs, updated_by: nameOf(caller) };
    return { key, token, ...keyView(changed, await this.#spend(token)) };
  }

  async setBlocked(key: string, blocked: boolean, caller: Caller): Promise<View> {
    return this.update(key, { blocked }, caller);
  }

  async remove(request: { keys?: string[] | undefined; key_aliases?: string[] | undefined }): Promise<View> {
    const { db, keys } = this.#context;
    const named = request.keys ?? [];
    const tokens = [...named.map(tokenOf), ...(await tokensByAlias(db, request.key_aliases ?? []))];
    if (tokens.length === 0)
      throw invalidRequest("Name the keys to delete in 'keys' or 'key_aliases'; none of them was found.", 'keys');
    const deleted = await deleteKeys(db, tokens, Math.round(this.#context.now()));
    for (const token of tokens) keys.invalidate(token);
    if (deleted.length === 0) throw unknownKey();
    const given = new Map(named.map((key) => [tokenOf(key), key]));
    return { deleted_keys: deleted.map((token) => given.get(token) ?? token) };
  }

  async list(query: Readonly<Record<string, string>>): Promise<View> {
    const page = pageOf(query['page'], 1, 1_000_000, 'page');
    const size = pageOf(query['size'], 10, 100, 'size');
    const { rows, total } = await listKeys(
      this.#context.db,
      {
        userId: query['user_id'],
        teamId: query['team_id'],
        organizationId: query['organization_id'],
        keyAlias: query['key_alias'],
        token: query['key_hash'],
      },
      { limit: size, offset: (page - 1) * size },
    );
    const whole = query['return_full_object'] === 'true';
    const views = whole
      ? await Promise.all(
          rows.map(async (row) => ({ token: row.token, ...keyView(row, await this.#spend(row.token)) })),
        )
      : rows.map(({ token }) => token);
    return { keys: views, total_count: total, current_page: page, total_pages: Math.ceil(total / size) };
  }

  /** A key sees itself; the admin sees all. Anything else does not exist for the caller. */
  #visible(token: string, caller: Caller): boolean {
    return caller.kind === 'master' || token === caller.keyHash;
  }

  #status(row: KeyRow): string {
    if (Number(row.blocked) === 1) return 'revoked';
    const expired = row.expires_at_ms !== null && Number(row.expires_at_ms) <= this.#context.now();
    return expired ? 'expired' : 'active';
  }

  async #spend(token: string): Promise<number> {
    await this.#context.ledger.flush();
    return spendByKey(this.#context.db, token);
  }

  async #refuseTakenAlias(alias: string | null | undefined, token: string): Promise<void> {
    if (alias === undefined || alias === null) return;
    const taken = await tokensByAlias(this.#context.db, [alias]);
    if (taken.every((owner) => owner === token)) return;
    throw invalidRequest(`Key with alias '${alias}' already exists. Aliases are unique; choose another.`, 'key_alias');
  }
}

const nameOf = (caller: Caller): string =>
  caller.userId ?? caller.keyAlias ?? (caller.kind === 'master' ? 'default_user_id' : caller.keyHash);

const unknownKey = (): GatewayError =>
  new GatewayError('not_found', 'There is no such key.', { param: 'key', type: 'not_found_error' });

/** @throws GatewayError 400 when it is no whole number from 1 to `most` */
export function pageOf(text: string | undefined, absent: number, most: number, name: string): number {
  if (text === undefined || text === '') return absent;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw invalidRequest(`'${name}' must be a whole number from 1 to ${most}.`, name);
}
