/**
 * Which dialect a model on Vertex AI speaks, and its address. Sources: Google's "Vertex AI" REST reference, "Partner models",
 * "Open models" and "Vertex AI locations"; LiteLLM's documentation of `vertex_ai/` for prefixes and `api_base`.
 */
import { GatewayError, invalidRequest } from '../errors.ts';
import type { Target } from './adapter.ts';
import { DEFAULT_LOCATION, settingsOf, type VertexSettings } from './vertex-settings.ts';

/** `chat` is OpenAI's. */
export type Dialect = 'gemini' | 'claude' | 'mistral' | 'jamba' | 'chat' | 'gemma';

export interface VertexModel {
  readonly dialect: Dialect;
  /** Where it is: below a project and a location, or a whole name that begins with `projects/`. */
  readonly path: string;
  /** Its name in the body, where there is one. */
  readonly name: string;
}

type Named = Pick<Target, 'upstreamModel' | 'baseModel' | 'isNamedByCaller'>;

/** `publishers/google/models/NAME` → `google/NAME`. */
const PUBLISHED = /^publishers\/([^/]+)\/models\//;
const ENDPOINT = /^(?:endpoints\/)?(\d+)$/;
const OPENAPI = 'endpoints/openapi';

/** @throws GatewayError 400 where a caller's own name is a place */
export function vertexModel({ upstreamModel, baseModel, isNamedByCaller }: Named): VertexModel {
  const given = upstreamModel.replace(PUBLISHED, '$1/').replace(/^models\//, '');
  if (given.startsWith('projects/')) {
    if (isNamedByCaller) throw invalidRequest("The model's name may not be a place in a project.", 'model');
    return { dialect: 'gemini', path: given.split('/').map(segment).join('/'), name: given };
  }
  const isGemini = baseModel?.includes('gemini') === true;
  const endpoint = ENDPOINT.exec(given)?.[1];
  if (endpoint !== undefined) return { dialect: 'gemini', path: `endpoints/${endpoint}`, name: given };
  if (isGemini && !given.includes('/')) return googles(given);
  return byPrefix(given) ?? byMaker(given) ?? googles(given.replace(/^google\//, ''));
}

/** LiteLLM's prefixes that say the dialect and are no part of the name. */
function byPrefix(given: string): VertexModel | undefined {
  const [, prefix, name = ''] = /^(gemini|gemma|openai)\/(.+)$/.exec(given) ?? [];
  const isEndpoint = ENDPOINT.test(name);
  switch (prefix) {
    case 'gemini':
      return isEndpoint ? { dialect: 'gemini', path: `endpoints/${name}`, name } : googles(name);
    case 'gemma':
      return { dialect: 'gemma', path: `endpoints/${segment(name)}`, name };
    case 'openai':
      // The address says which one it is.
      return isEndpoint ? { dialect: 'chat', path: `endpoints/${name}`, name: '' } : undefined;
    default:
      return undefined;
  }
}

const RAW_MAKERS: readonly (readonly [Dialect, string, RegExp])[] = [
  ['claude', 'anthropic', /^(?:anthropic\/)?(claude.*)$/],
  ['mistral', 'mistralai', /^(?:mistralai\/)?((?:mistral|codestral|ministral|magistral).*)$/],
  ['jamba', 'ai21', /^(?:ai21\/)?(jamba.*)$/],
];

function byMaker(given: string): VertexModel | undefined {
  for (const [dialect, publisher, pattern] of RAW_MAKERS) {
    const name = pattern.exec(given)?.[1];
    if (name !== undefined) return { dialect, path: `publishers/${publisher}/models/${segment(name)}`, name };
  }
  const isOpen = given.includes('/') && !given.startsWith('google/gemini');
  return isOpen ? { dialect: 'chat', path: OPENAPI, name: given } : undefined;
}

const googles = (name: string): VertexModel => ({
  dialect: 'gemini',
  path: `publishers/google/models/${segment(name)}`,
  name,
});

/** Versions stand behind an `@`, which a path may hold. */
const segment = (text: string): string => encodeURIComponent(text).replaceAll('%40', '@');

/** Models that are not everywhere: elsewhere nobody would answer. As LiteLLM's price list has them. */
const REGIONS: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^deepseek-ai\/deepseek-(v3\.1|r1-0528|ocr)-maas$/, ['us-central1']],
  [/^deepseek-ai\/deepseek-v(3\.2|4\.1-flash)-maas$/, ['global']],
  [/^zai-org\/glm-(4\.7|5|5\.2)-maas$/, ['global']],
  [/^google\/gemma-4-26b-a4b-it-maas$/, ['global']],
  [/^qwen\/qwen3-(coder-480b-a35b-instruct|next-80b-a3b-(instruct|thinking))-maas$/, ['global']],
  [/^qwen\/qwen3-235b-a22b-instruct-2507-maas$/, ['global', 'us-south1']],
];

export function locationFor({ location }: VertexSettings, upstreamModel: string): string {
  const regions = REGIONS.find(([pattern]) => pattern.test(upstreamModel))?.[1];
  if (regions === undefined || (location !== undefined && regions.includes(location))) {
    return location ?? DEFAULT_LOCATION;
  }
  return regions[0] ?? DEFAULT_LOCATION;
}

export const GLOBAL_HOST = 'https://aiplatform.googleapis.com';

/** Everywhere, a continent's (`us`, `eu`), or a region's. */
export function hostOf(location: string): string {
  if (location === 'global') return GLOBAL_HOST;
  return location.includes('-')
    ? `https://${location}-aiplatform.googleapis.com`
    : `https://aiplatform.${location}.rep.googleapis.com`;
}

/** Stands in an address until the credentials have said which project they are of. No name can hold it. */
export const UNKNOWN_PROJECT = '{project}';

const VERSIONED = /\/v\d+[a-z0-9]*$/;
/** The whole address of a model, before its method. */
const WHOLE = /\/(?:models|endpoints)\/[^/]+$/;
const CHAT = '/chat/completions';

/**
 * @param tail `:generateContent`, `:rawPredict` … or `/chat/completions`
 * @throws GatewayError where an API key takes the place of credentials that say the project
 */
export function addressOf(target: Target, { path }: VertexModel, tail: string): string {
  const settings = settingsOf(target);
  const baseUrl = rootOf(target, settings, path);
  if (baseUrl.endsWith(tail)) return baseUrl;
  if (settings.isPrivateEndpoint) {
    const id = path.replace(/^.*\//, '');
    return `${baseUrl.replace(VERSIONED, '')}/v1/${placeOf(target, settings)}/endpoints/${id}${tail}`;
  }
  const isVersioned = VERSIONED.test(baseUrl);
  const isRoot = !/^https?:\/\/[^/]+\/./.test(baseUrl);
  // Any other path is a model's own address, as LiteLLM has it.
  const isWhole = WHOLE.test(baseUrl) || !(isRoot || isVersioned || tail === CHAT);
  if (isWhole) return `${baseUrl}${tail}`;
  const root = isVersioned ? baseUrl : `${baseUrl}/${target.apiVersion ?? versionOf(path, tail)}`;
  const place = path.startsWith('projects/') ? '' : placeOf(target, settings, path);
  return `${root}/${place === '' ? '' : `${place}/`}${path}${tail}`;
}

/** Google's host for the deployment's location, unless a caller's own name is of a model that is elsewhere. */
function rootOf(target: Target, settings: VertexSettings, path: string): string {
  const { baseUrl, upstreamModel } = target;
  if (baseUrl !== hostOf(settings.location ?? DEFAULT_LOCATION)) return baseUrl;
  return isExpress(target, settings, path) ? GLOBAL_HOST : hostOf(locationFor(settings, upstreamModel));
}

/** An API key knows its project, which is then in no address: Google calls it express mode. */
function isExpress({ apiKey }: Target, { ownProject }: VertexSettings, path: string): boolean {
  const hasKey = apiKey !== undefined && apiKey !== '';
  return hasKey && ownProject === undefined && path.startsWith('publishers/google/');
}

/** As LiteLLM has it: Jamba and endpoints of one's own that speak OpenAI's dialect are called in the preview. */
function versionOf(path: string, tail: string): string {
  const isPreview = path.startsWith('publishers/ai21/') || (tail === CHAT && path !== OPENAPI);
  return isPreview ? 'v1beta1' : 'v1';
}

function placeOf(target: Target, settings: VertexSettings, path = ''): string {
  if (isExpress(target, settings, path)) return '';
  const { project } = settings;
  const location = locationFor(settings, target.upstreamModel);
  const hasKey = target.apiKey !== undefined && target.apiKey !== '';
  if (hasKey && project === undefined) {
    throw new GatewayError(
      'upstream_unauthorized',
      'With an API key this model of Vertex AI is reached only through a project; set vertex_project.',
    );
  }
  return `projects/${project === undefined ? UNKNOWN_PROJECT : encodeURIComponent(project)}/locations/${location}`;
}
