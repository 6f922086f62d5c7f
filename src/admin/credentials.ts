/** `/credentials`: ways to reach providers, by name. Source: LiteLLM's documentation of credentials. */
import type { Database } from '../db/client.ts';
import { type CredentialRow, credentials, EMPTY_CREDENTIAL } from '../db/credentials.ts';
import { models } from '../db/models.ts';
import { resealAll, type SealedRow } from '../db/sealed-values.ts';
import { EVERYTHING } from '../db/visibility.ts';
import { GatewayError, invalidRequest } from '../errors.ts';
import { SecretBoxError } from '../lib/secret-box.ts';
import type { AdminContext } from './context.ts';
import { refuseWhenClosed, unknownModel } from './models.ts';
import { newId } from './new-id.ts';
import { Answer } from './route.ts';
import { changed, maskedValues, normalized, objectIn, sealed } from './sealed-params.ts';
import { type Author, audited, authorOf } from './write.ts';

type View = Record<string, unknown>;
type Json = Readonly<Record<string, unknown>>;

export interface CredentialFields {
  readonly credential_values?: Json | null | undefined;
  readonly credential_info?: Json | null | undefined;
}

const MOST_LISTED = 10_000;
const MOST_MODELS = 100_000;
const MOST_NAMED = 5;
/** Members of `litellm_params` that say where and by which key a deployment is reached, by LiteLLM's names. */
const REACHING = /^(api_|base_url$|aws_|azure_|vertex_|watsonx_|region_name$|organization$|tenant_id$|client_)/;
/** They stand in a path. */
const TAKEN_NAMES: ReadonlySet<string> = new Set(['rotate', 'by_name', 'by_model', '.', '..']);

export class Credentials {
  readonly #context: AdminContext;

  constructor(context: AdminContext) {
    this.#context = context;
  }

  async create(name: string, fields: CredentialFields, author: Author): Promise<View> {
    const { models: registry } = this.#context;
    refuseWhenClosed(this.#context);
    if (TAKEN_NAMES.has(name) || /[/\\]/.test(name)) throw badName();
    if (this.#isConfigured(name)) throw nameTaken();
    const values = normalized(fields.credential_values ?? {}, registry);
    registry.checkCredential(values);
    const nowMs = Math.round(this.#context.now());
    const by = authorOf(author.access.caller);
    const id = newId(this.#context);
    const row: CredentialRow = {
      ...EMPTY_CREDENTIAL,
      credential_id: id,
      credential_name: name,
      credential_values: sealed(registry, placeOf(id), values),
      credential_info: JSON.stringify(fields.credential_info ?? {}),
      created_at_ms: nowMs,
      updated_at_ms: nowMs,
      created_by: by,
      updated_by: by,
    };
    await audited(this.#context, author, async (db, note) => {
      if (await credentials.insert(db, row)) throw nameTaken();
      note({ action: 'created', kind: 'credential', id: name, after: this.#view(row) });
    });
    await registry.refresh();
    return { success: true, message: 'Credential created successfully' };
  }

  /** Deployments that use it are reached the new way from the next request on. */
  async update(name: string, fields: CredentialFields, author: Author): Promise<Answer> {
    const { models: registry } = this.#context;
    refuseWhenClosed(this.#context);
    await audited(this.#context, author, async (db, note) => {
      const { credential_id: id } = await this.#find(db, name);
      const outcome = await credentials.change(db, id, EVERYTHING, (row) => {
        const values = changed(registry, {
          row: placeOf(id),
          stored: row.credential_values,
          sent: fields.credential_values ?? {},
          field: 'credential_values',
        });
        registry.checkCredential(values);
        return {
          credential_values: sealed(registry, placeOf(id), values),
          credential_info: JSON.stringify({ ...objectIn(row.credential_info), ...fields.credential_info }),
          updated_at_ms: Math.round(this.#context.now()),
          updated_by: authorOf(author.access.caller),
        };
      });
      if (outcome === undefined || outcome.taken !== undefined) throw unknownCredential();
      const { before, after } = outcome;
      note({ action: 'updated', kind: 'credential', id: name, before: this.#view(before), after: this.#view(after) });
    });
    await registry.refresh();
    const unusable = registry
      .listings()
      .filter(({ params, fault }) => params['litellm_credential_name'] === name && fault !== null)
      .map(({ modelName, fault }) => `${modelName} is not served now: ${fault}`);
    const warning = unusable
      .slice(0, MOST_NAMED)
      .join('; ')
      .replace(/[^\x20-\x7e]/g, '?');
    const body = { success: true, message: 'Credential updated successfully' };
    return new Answer(body, warning === '' ? {} : { 'x-tollgate-warning': warning });
  }

  /** @throws GatewayError 400 while a model refers to it */
  async remove(name: string, author: Author): Promise<View> {
    refuseWhenClosed(this.#context);
    await audited(this.#context, author, async (db, note) => {
      const row = await this.#find(db, name);
      const users = await this.#usersOf(db, name);
      if (users.length > 0) {
        const some = users.slice(0, MOST_NAMED).join(', ');
        const rest = users.length > MOST_NAMED ? ` and ${users.length - MOST_NAMED} more` : '';
        throw invalidRequest(
          `The credential is used by ${some}${rest}. Change or delete them first.`,
          'credential_name',
        );
      }
      await credentials.remove(db, [row.credential_id], EVERYTHING);
      note({ action: 'deleted', kind: 'credential', id: name, before: this.#view(row) });
    });
    await this.#context.models.refresh();
    return { success: true, message: 'Credential deleted successfully' };
  }

  async list(): Promise<View> {
    const { rows } = await credentials.list(this.#context.db, { visibility: EVERYTHING, limit: MOST_LISTED });
    const configured = this.#context.models.configuredCredentials().map(configuredView);
    return { success: true, credentials: [...configured, ...rows.map((row) => this.#view(row))] };
  }

  async info(name: string): Promise<View> {
    const configured = this.#context.models.configuredCredentials().find((one) => one.name === name);
    if (configured !== undefined) return configuredView(configured);
    return this.#view(await this.#find(this.#context.db, name));
  }

  /** The credential that a deployment refers to, else what stands in it by itself. */
  async ofModel(modelId: string): Promise<View> {
    const { models: registry, db } = this.#context;
    const listing = registry.listings().find(({ id }) => id === modelId);
    if (listing === undefined) throw unknownModel();
    const name = listing.params['litellm_credential_name'];
    if (typeof name === 'string') return await this.info(name);
    const row = listing.isStored ? await models.find(db, modelId, EVERYTHING) : undefined;
    const values = row ? maskedValues(registry, { table: 'models', id: modelId }, row.litellm_params) : listing.params;
    return {
      credential_name: `${listing.modelName}-credential-${modelId}`,
      display_name: null,
      credential_values: Object.fromEntries(Object.entries(values).filter(([member]) => REACHING.test(member))),
      credential_info: {},
      source: row ? 'db' : 'config',
    };
  }

  /** Seals everything that is stored with the current key. */
  async rotate(author: Author): Promise<View> {
    const box = this.#context.models.box();
    try {
      const done = await audited(this.#context, author, async (db, note) => {
        const counts = await resealAll(db, box);
        note({ action: 'rotated', kind: 'credential', id: box.currentKeyId, after: counts });
        return counts;
      });
      return { success: true, key_id: box.currentKeyId, ...done };
    } catch (cause) {
      if (cause instanceof SecretBoxError) throw invalidRequest(`Nothing was changed. ${cause.message}`);
      throw cause;
    }
  }

  async #find(db: Database, name: string): Promise<CredentialRow> {
    const where = [{ column: 'credential_name', is: name }] as const;
    const [row] = (await credentials.list(db, { visibility: EVERYTHING, where, limit: 1 })).rows;
    if (row !== undefined) return row;
    throw this.#isConfigured(name) ? onlyInFile() : unknownCredential();
  }

  async #usersOf(db: Database, name: string): Promise<readonly string[]> {
    const { rows } = await models.list(db, { visibility: EVERYTHING, limit: MOST_MODELS });
    const stored = rows.filter((row) => objectIn(row.litellm_params)['litellm_credential_name'] === name);
    return [...this.#context.models.configuredUsers(name), ...stored.map((row) => row.model_name)];
  }

  #isConfigured(name: string): boolean {
    return this.#context.models.configuredCredentials().some((one) => one.name === name);
  }

  #view(row: CredentialRow): View {
    return {
      credential_name: row.credential_name,
      display_name: null,
      credential_values: maskedValues(this.#context.models, placeOf(row.credential_id), row.credential_values),
      credential_info: objectIn(row.credential_info),
      source: 'db',
    };
  }
}

const placeOf = (id: string): SealedRow => ({ table: 'credentials', id });

/** What the file holds is not shown, not even its end. */
const configuredView = ({ name, info }: { readonly name: string; readonly info: Json }): View => ({
  credential_name: name,
  display_name: null,
  credential_values: {},
  credential_info: info,
  source: 'config',
});

const unknownCredential = (): GatewayError =>
  new GatewayError('not_found', 'There is no such credential.', { param: 'credential_name', type: 'not_found_error' });
const nameTaken = (): GatewayError =>
  invalidRequest('A credential of this name exists already. Names are unique; choose another.', 'credential_name');
const badName = (): GatewayError =>
  invalidRequest(
    `'credential_name' must hold no "/" or "\\", and must not be ${[...TAKEN_NAMES].join(', ')}.`,
    'credential_name',
  );
const onlyInFile = (): GatewayError =>
  invalidRequest('This credential stands in the configuration file and can only be changed there.', 'credential_name');
