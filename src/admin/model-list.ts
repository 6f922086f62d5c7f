/** What a caller sees of the deployments that are there. */
import type { Access } from '../auth/principal.ts';
import type { AdminContext } from './context.ts';
import type { ModelListing } from './model-registry.ts';
import { groupView, infoView } from './model-view.ts';
import { unknownModel } from './models.ts';

type View = Record<string, unknown>;

export interface ModelPage {
  readonly page: number;
  readonly size: number;
  readonly model?: string | undefined;
  readonly modelId?: string | undefined;
  readonly search?: string | undefined;
  /** Those of this team, and those of no team. */
  readonly teamId?: string | undefined;
  readonly access_group?: string | undefined;
  readonly blocked?: boolean | undefined;
  readonly wildcard_only?: boolean | undefined;
  readonly user_models_only?: boolean | undefined;
  readonly exclude_auto_routers?: boolean | undefined;
  readonly sortBy?: 'model_name' | 'created_at' | 'updated_at' | undefined;
  readonly sortOrder?: 'asc' | 'desc' | undefined;
}

export class ModelList {
  readonly #context: Pick<AdminContext, 'models'>;

  constructor(context: Pick<AdminContext, 'models'>) {
    this.#context = context;
  }

  /** @throws GatewayError 404 when there is no such one for this caller */
  info(id: string | undefined, access: Access, teamId?: string): View {
    const seen = this.#seenBy(access).filter(
      (listing) => (id === undefined || listing.id === id) && isOfKind(listing, { teamId }, access),
    );
    if (id !== undefined && seen.length === 0) throw unknownModel();
    return { data: seen.map((listing) => infoView(listing, access.isUnlimited)) };
  }

  page({ page, size, ...wanted }: ModelPage, access: Access): View {
    const found = sorted(
      this.#seenBy(access).filter((listing) => matches(listing, wanted) && isOfKind(listing, wanted, access)),
      wanted,
    );
    return {
      data: found.slice((page - 1) * size, page * size).map((listing) => infoView(listing, access.isUnlimited)),
      total_count: found.length,
      current_page: page,
      total_pages: Math.ceil(found.length / size),
      size,
    };
  }

  groups(name: string | undefined, access: Access): View {
    const served = this.#seenBy(access).filter(({ fault, isBlocked }) => fault === null && !isBlocked);
    const groups = Map.groupBy(served, publicName);
    const wanted = [...groups].filter(([group]) => name === undefined || group === name);
    return { data: wanted.map(([group, members]) => groupView(group, members)) };
  }

  /** Those who may ask for a model see it while it is served; the platform's admins see all there is. */
  #seenBy(access: Access): readonly ModelListing[] {
    const all = this.#context.models.listings();
    if (access.isUnlimited) return all;
    const served = all.filter(
      ({ fault, isBlocked, info }) =>
        fault === null && !isBlocked && isTheirs(info, access) && info['discoverable'] !== false,
    );
    const names = new Set(this.#context.models.visible(access.caller, served.map(publicName)));
    return served.filter((listing) => names.has(publicName(listing)));
  }
}

/** What clients ask for. */
function publicName({ modelName, info }: ModelListing): string {
  const name = info['team_id'] == null ? undefined : info['team_public_model_name'];
  return typeof name === 'string' && name !== '' ? name : modelName;
}

/** Everybody's, or that of a team of theirs. */
function isTheirs({ team_id: teamId }: ModelListing['info'], { caller, principal }: Access): boolean {
  if (typeof teamId !== 'string') return true;
  return caller.teamId === teamId || principal.memberships.teams.has(teamId);
}

function matches({ id, modelName, params }: ModelListing, { model, modelId, search }: Partial<ModelPage>): boolean {
  if (model !== undefined && modelName !== model) return false;
  if (modelId !== undefined && id !== modelId) return false;
  if (search === undefined) return true;
  const text = search.toLowerCase();
  return [modelName, id, String(params['model'] ?? '')].some((field) => field.toLowerCase().includes(text));
}

function isOfKind(listing: ModelListing, wanted: Partial<ModelPage>, { caller }: Access): boolean {
  const { teamId, access_group: group, blocked, wildcard_only, user_models_only, exclude_auto_routers } = wanted;
  const { modelName, params, info, isBlocked, stamps } = listing;
  const [owner, groups] = [info['team_id'] ?? null, info['access_groups']];
  return [
    teamId === undefined || owner === null || owner === teamId,
    group === undefined || (Array.isArray(groups) && groups.includes(group)),
    blocked === undefined || blocked === isBlocked,
    wildcard_only !== true || modelName.includes('*'),
    user_models_only !== true || (caller.userId !== null && stamps?.createdBy === caller.userId),
    exclude_auto_routers !== true || !String(params['model']).startsWith('auto_router/'),
  ].every(Boolean);
}

function sorted(
  listings: readonly ModelListing[],
  { sortBy, sortOrder = 'asc' }: Partial<ModelPage>,
): readonly ModelListing[] {
  if (sortBy === undefined) return listings;
  const sign = sortOrder === 'asc' ? 1 : -1;
  const key = ({ modelName, stamps }: ModelListing): string | number => {
    if (sortBy === 'model_name') return modelName;
    return (sortBy === 'created_at' ? stamps?.createdAtMs : stamps?.updatedAtMs) ?? 0;
  };
  return listings.toSorted((a, b) => sign * compare(key(a), key(b)));
}

function compare(a: string | number, b: string | number): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
