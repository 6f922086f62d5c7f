/** `/model/*`: deployments that are added at run time. Source: LiteLLM's documentation of model management. */
import { textsIn } from '../auth/json-columns.ts';
import type { Database } from '../db/client.ts';
import { credentials } from '../db/credentials.ts';
import { EMPTY_MODEL, type ModelRow, models } from '../db/models.ts';
import { teams } from '../db/teams.ts';
import { EVERYTHING } from '../db/visibility.ts';
import { GatewayError, invalidRequest } from '../errors.ts';
import type { AdminContext } from './context.ts';
import type { ModelEntry } from './model-registry.ts';
import { storedView } from './model-view.ts';
import { newId } from './new-id.ts';
import { changed, changedSecrets, maskedValues, normalized, objectIn, sealed } from './sealed-params.ts';
import { type Author, audited, authorOf, type Note } from './write.ts';

type View = Record<string, unknown>;
type Json = Readonly<Record<string, unknown>>;

export interface ModelFields {
  readonly model_name?: string | null | undefined;
  readonly litellm_params?: Json | null | undefined;
  readonly model_info?: Json | null | undefined;
  readonly blocked?: boolean | null | undefined;
}

/** What was stored, and what whoever wrote it should know. */
export interface Written {
  readonly view: View;
  readonly warnings: readonly string[];
}

export class Models {
  readonly #context: AdminContext;

  constructor(context: AdminContext) {
    this.#context = context;
  }

  /** It is served from the next request on. */
  async create(fields: ModelFields & { readonly model_name: string }, author: Author): Promise<Written> {
    const { models: registry } = this.#context;
    refuseWhenClosed(this.#context);
    const { id: given, ...info } = fields.model_info ?? {};
    const id = given == null ? newId(this.#context) : idIn(given);
    const params = normalized(fields.litellm_params ?? {}, registry);
    const entry = { id, modelName: fields.model_name, params, info: ofTeam(withoutNulls(info), fields.model_name) };
    if (registry.isConfigured(id)) throw idTaken(id);
    const warnings = registry.check(entry);
    const nowMs = Math.round(this.#context.now());
    const by = authorOf(author.access.caller);
    const row: ModelRow = {
      ...EMPTY_MODEL,
      model_id: id,
      ...this.#columnsOf(entry),
      blocked: fields.blocked === true ? 1 : 0,
      created_at_ms: nowMs,
      updated_at_ms: nowMs,
      created_by: by,
      updated_by: by,
    };
    await audited(this.#context, author, async (db, note) => {
      await this.#refuseUnknownCredential(db, params);
      await this.#giveToTeam(db, row, note);
      if (await models.insert(db, row)) throw idTaken(id);
      note({ action: 'created', kind: 'model', id, after: this.#view(row) });
    });
    await this.#refreshed(row);
    return { view: this.#view(row), warnings };
  }

  /** Only members that were sent change; `null` takes one away. */
  async update(id: string, fields: ModelFields, author: Author): Promise<Written> {
    const { models: registry } = this.#context;
    let warnings: readonly string[] = [];
    const row = await this.#change(id, author, 'updated', (now) => {
      const { id: given, ...sentInfo } = fields.model_info ?? {};
      if (given != null && given !== id) throw invalidRequest('The id of a model cannot be changed.', 'model_info.id');
      const params = changed(registry, {
        row: { table: 'models', id },
        stored: now.litellm_params,
        sent: fields.litellm_params ?? {},
        field: 'litellm_params',
      });
      const modelName = fields.model_name ?? now.model_name;
      const info = ofTeam(withoutNulls({ ...objectIn(now.model_info), ...sentInfo }), modelName);
      const entry = { id, modelName, params, info };
      warnings = registry.check(entry);
      return {
        ...this.#columnsOf(entry),
        ...(fields.blocked != null && { blocked: fields.blocked ? 1 : 0 }),
      };
    });
    return { view: this.#view(row), warnings };
  }

  async setBlocked(id: string, blocked: boolean, author: Author): Promise<View> {
    const action = blocked ? 'blocked' : 'unblocked';
    return this.#view(await this.#change(id, author, action, () => ({ blocked: blocked ? 1 : 0 })));
  }

  async remove(id: string, author: Author): Promise<View> {
    refuseWhenClosed(this.#context);
    await audited(this.#context, author, async (db, note) => {
      const [row] = await models.remove(db, [id], author.access.visibility);
      if (row === undefined) throw this.#missing(id);
      note({ action: 'deleted', kind: 'model', id, before: this.#view(row) });
    });
    await this.#context.models.refresh();
    return { message: `Model: ${id} deleted successfully`, id };
  }

  async #change(
    id: string,
    author: Author,
    action: Parameters<Note>[0]['action'],
    change: (row: ModelRow) => Partial<ModelRow>,
  ): Promise<ModelRow> {
    refuseWhenClosed(this.#context);
    const stored = await audited(this.#context, author, async (db, note) => {
      const outcome = await models.change(db, id, author.access.visibility, (row) => ({
        ...change(row),
        updated_at_ms: Math.round(this.#context.now()),
        updated_by: authorOf(author.access.caller),
      }));
      if (outcome === undefined) throw this.#missing(id);
      if (outcome.taken !== undefined) throw idTaken(id);
      const { before, after } = outcome;
      if (action === 'updated') {
        await this.#refuseUnknownCredential(db, objectIn(after.litellm_params));
        await this.#giveToTeam(db, after, note);
      }
      note({ action, kind: 'model', id, ...this.#noted(before, after) });
      return after;
    });
    await this.#refreshed(stored);
    return stored;
  }

  #columnsOf({
    id,
    modelName,
    params,
    info,
  }: ModelEntry): Pick<ModelRow, 'model_name' | 'litellm_params' | 'model_info' | 'team_id'> {
    return {
      team_id: typeof info['team_id'] === 'string' ? info['team_id'] : null,
      model_name: modelName,
      litellm_params: sealed(this.#context.models, { table: 'models', id }, params),
      model_info: JSON.stringify(info),
    };
  }

  /** A team that may use some models only may use what is its own. @throws GatewayError 400 for a team that is not there */
  async #giveToTeam(db: Database, { team_id: teamId, model_info }: ModelRow, note: Note): Promise<void> {
    if (teamId === null) return;
    const team = await teams.find(db, teamId, EVERYTHING);
    if (team === undefined) throw invalidRequest("'model_info.team_id': there is no such team.", 'model_info.team_id');
    const [name, listed] = [String(objectIn(model_info)['team_public_model_name']), textsIn(team.models)];
    if (listed.length === 0 || listed.includes(name)) return;
    const after = [...listed, name];
    await teams.change(db, teamId, EVERYTHING, () => ({ models: JSON.stringify(after) }));
    const { organization_id: organizationId } = team;
    note({
      ...{ action: 'updated', kind: 'team', id: teamId, teamId, organizationId },
      ...{ before: { models: listed }, after: { models: after } },
    });
  }

  async #refreshed({ team_id: teamId }: ModelRow): Promise<void> {
    if (teamId !== null) this.#context.directory.invalidate('team', teamId);
    await this.#context.models.refresh();
  }

  /** In the same transaction, so that a credential cannot go while a model that needs it comes. */
  async #refuseUnknownCredential(db: Database, { litellm_credential_name: name }: Json): Promise<void> {
    if (typeof name !== 'string' || this.#context.models.configuredCredentials().some((one) => one.name === name))
      return;
    const where = [{ column: 'credential_name', is: name }] as const;
    if ((await credentials.count(db, { visibility: EVERYTHING, where })) > 0) return;
    const param = 'litellm_params.litellm_credential_name';
    throw invalidRequest(`'${param}': there is no credential of this name; add it with POST /credentials.`, param);
  }

  #view(row: ModelRow): View {
    return storedView(row, this.#context.models);
  }

  /** Secrets that changed are told by their names and last letters: the views alone would be the same. */
  #noted(before: ModelRow, after: ModelRow): { before: View; after: View } {
    const registry = this.#context.models;
    const place = { table: 'models', id: after.model_id } as const;
    const names = changedSecrets(registry, place, before.litellm_params, after.litellm_params);
    const secretsOf = ({ litellm_params: stored }: ModelRow): View => {
      if (names.length === 0) return {};
      const all = maskedValues(registry, place, stored);
      return { changed_secrets: Object.fromEntries(names.map((name) => [name, all[name] ?? null])) };
    };
    return {
      before: { ...this.#view(before), ...secretsOf(before) },
      after: { ...this.#view(after), ...secretsOf(after) },
    };
  }

  #missing(id: string): GatewayError {
    if (!this.#context.models.isConfigured(id)) return unknownModel();
    return invalidRequest(
      'This model stands in the configuration file and can only be changed there; it is served anew when the file changes.',
      'id',
    );
  }
}

export function refuseWhenClosed({ models: registry }: Pick<AdminContext, 'models'>): void {
  if (registry.isOpen()) return;
  throw invalidRequest(
    'Models and credentials cannot be stored: general_settings.store_model_in_db is false. Set it to true, or leave it out.',
  );
}

/** Its team calls a model by this name unless another is given. */
const ofTeam = (info: Json, modelName: string): Json =>
  typeof info['team_id'] === 'string' && info['team_id'] !== ''
    ? { ...info, team_public_model_name: info['team_public_model_name'] ?? modelName }
    : info;

const withoutNulls = (values: Json): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));

const LONGEST_ID = 256;

function idIn(given: unknown): string {
  if (typeof given === 'string' && given !== '' && given.length <= LONGEST_ID && !/\p{Cc}/u.test(given)) return given;
  throw invalidRequest(`'model_info.id' must be a text of 1 to ${LONGEST_ID} characters.`, 'model_info.id');
}

export const unknownModel = (): GatewayError =>
  new GatewayError('not_found', 'There is no such model.', { param: 'id', type: 'not_found_error' });

const idTaken = (id: string): GatewayError =>
  invalidRequest(
    `A model with the id '${id}' exists already. Ids are unique; choose another, or leave it out.`,
    'model_info.id',
  );
