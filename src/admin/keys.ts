/** `/key/*`. Source: LiteLLM's documentation of virtual keys. */

import type { Caller } from '../auth/authenticate.ts';
import { digest } from '../auth/digest.ts';
import { objectIn } from '../auth/loaded-key.ts';
import { listKeys } from '../db/key-list.ts';
import {
  changeKey,
  deleteKeys,
  EMPTY_KEY,
  findDeletedKey,
  findKey,
  insertKey,
  type KeyRow,
  tokensByAlias,
} from '../db/keys.ts';
import { spendByKey } from '../db/requests.ts';
import { EVERYTHING } from '../db/visibility.ts';
import { GatewayError, invalidRequest } from '../errors.ts';
import { caughtUp } from './caught-up.ts';
import type { AdminContext } from './context.ts';
import type { KeyFields } from './key-schema.ts';
import { columnsOf, keyView } from './key-view.ts';
import { type Query, wholeNumber } from './query.ts';

type View = Record<string, unknown>;

const SHORTEST_KEY = 16;
const MOST_KEYS_A_PAGE = 100;
const DIGEST = /^[0-9a-f]{64}$/;

/** Routes accept the key itself or its digest. */
export const tokenOf = (key: string): string => (DIGEST.test(key) ? key : digest(key));

export class Keys {
  readonly #context: AdminContext;

  constructor(context: AdminContext) {
    this.#context = context;
  }

  /** The only answer that ever holds the key itself. */
  async generate(fields: KeyFields & { readonly key?: string | null | undefined }, caller: Caller): Promise<View> {
    const { db, keys } = this.#context;
    const { key: custom, ...rest } = fields;
    const secret = custom ?? `sk-${Buffer.from(this.#context.randomBytes()).toString('base64url')}`;
    refuseBadKey(secret);
    const token = digest(secret);
    if (token === caller.keyHash) throw keyTaken();
    const nowMs = Math.round(this.#context.now());
    const row: KeyRow = {
      ...EMPTY_KEY,
      token,
      key_name: `sk-...${secret.slice(-4)}`,
      created_at_ms: nowMs,
      updated_at_ms: nowMs,
      created_by: nameOf(caller),
      updated_by: nameOf(caller),
      ...columnsOf(rest, {}, nowMs),
    };
    const outcome = await insertKey(db, row);
    if (outcome === 'key taken') throw keyTaken();
    if (outcome === 'alias taken') throw aliasTaken();
    keys.invalidate(token);
    return { key: secret, token, token_id: token, ...keyView(row, 0) };
  }

  /** Deleted keys still answer. A key sees itself; for all others it is as if they did not exist. */
  async info(key: string | undefined, caller: Caller): Promise<View> {
    if (key === undefined && caller.kind === 'master') {
      throw invalidRequest("The admin's own key has no information. Name a key: /key/info?key=...", 'key');
    }
    const token = key === undefined ? caller.keyHash : tokenOf(key);
    if (caller.kind !== 'master' && token !== caller.keyHash) throw unknownKey();
    const { db } = this.#context;
    const row = await findKey(db, token);
    const found = row ?? (await findDeletedKey(db, token));
    if (found === undefined) throw unknownKey();
    const view = keyView(found, await this.#spend(token));
    return { key: key ?? token, info: { ...view, status: row ? this.#status(row) : 'deleted' } };
  }

  async update(key: string, fields: KeyFields, caller: Caller): Promise<View> {
    const token = tokenOf(key);
    const nowMs = Math.round(this.#context.now());
    const row = await changeKey(this.#context.db, token, (now) => ({
      ...columnsOf(fields, objectIn(now.metadata), nowMs),
      updated_at_ms: nowMs,
      updated_by: nameOf(caller),
    }));
    if (row === undefined) throw unknownKey();
    if (row === 'alias taken') throw aliasTaken();
    this.#context.keys.invalidate(token);
    return { key, token, ...keyView(row, await this.#spend(token)) };
  }

  setBlocked(key: string, blocked: boolean, caller: Caller): Promise<View> {
    return this.update(key, { blocked }, caller);
  }

  async remove(request: {
    readonly keys?: readonly string[] | null | undefined;
    readonly key_aliases?: readonly string[] | null | undefined;
  }): Promise<View> {
    const { db, keys } = this.#context;
    const given = new Map((request.keys ?? []).map((key) => [tokenOf(key), key]));
    const aliases = request.key_aliases ?? [];
    if (given.size === 0 && aliases.length === 0) {
      throw invalidRequest("Name the keys to delete in 'keys' or 'key_aliases'.", 'keys');
    }
    const tokens = [...given.keys(), ...(await tokensByAlias(db, aliases))];
    const deleted = await deleteKeys(db, tokens, Math.round(this.#context.now()));
    for (const token of tokens) keys.invalidate(token);
    if (deleted.length === 0) throw unknownKey();
    return { deleted_keys: deleted.map((token) => given.get(token) ?? token) };
  }

  async list(query: Query): Promise<View> {
    const page = wholeNumber(query, 'page', 1);
    const size = wholeNumber(query, 'size', 10, MOST_KEYS_A_PAGE);
    const { rows, total } = await listKeys(this.#context.db, {
      visibility: EVERYTHING,
      filter: {
        userId: query['user_id'],
        teamId: query['team_id'],
        organizationId: query['organization_id'],
        keyAlias: query['key_alias'],
        token: query['key_hash'],
      },
      limit: size,
      offset: (page - 1) * size,
      nowMs: this.#context.now(),
    });
    const views: unknown[] = [];
    for (const row of rows) {
      if (query['return_full_object'] !== 'true') views.push(row.token);
      else views.push({ token: row.token, ...keyView(row, await this.#spend(row.token)), status: this.#status(row) });
    }
    return { keys: views, total_count: total, current_page: page, total_pages: Math.ceil(total / size) };
  }

  #status(row: KeyRow): string {
    if (Number(row.blocked) === 1) return 'revoked';
    const expired = row.expires_at_ms !== null && Number(row.expires_at_ms) <= this.#context.now();
    return expired ? 'expired' : 'active';
  }

  async #spend(token: string): Promise<number> {
    await caughtUp(this.#context.ledger);
    return spendByKey(this.#context.db, token);
  }
}

function refuseBadKey(secret: string): void {
  if (secret.startsWith('sk-') && secret.length >= SHORTEST_KEY && /^[\x21-\x2b\x2d-\x7e]+$/.test(secret)) return;
  throw invalidRequest(
    `'key' must start with "sk-", be at least ${SHORTEST_KEY} characters long and hold no spaces or commas.`,
    'key',
  );
}

const nameOf = (caller: Caller): string => caller.userId ?? caller.keyAlias ?? caller.keyHash;

const unknownKey = (): GatewayError =>
  new GatewayError('not_found', 'There is no such key.', { param: 'key', type: 'not_found_error' });

const keyTaken = (): GatewayError =>
  invalidRequest('This key exists already; choose another, or leave it out to have one made.', 'key');

const aliasTaken = (): GatewayError =>
  invalidRequest('A key with this alias exists already. Aliases are unique; choose another.', 'key_alias');
