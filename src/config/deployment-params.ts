/** `litellm_params`: how to reach a deployment, its limits, its prices, and the defaults of its requests. */

import { didYouMean, nearestNames, typingErrorLimit } from '../lib/near-name.ts';
import type { DeploymentConfig } from './config.ts';
import type { Findings } from './findings.ts';
import {
  COMPLETION_DEFAULTS,
  isPriceKey,
  PRICE_STEMS,
  PROVIDER_SETTINGS,
  SHAPE_SETTINGS,
  UPSTREAM_DEFAULTS,
} from './known-params.ts';
import { readPrice, refuseMisspeltPrice } from './prices.ts';
import { LITELLM_PARAMS } from './schema.ts';
import { openSection, type Section, warnOfUnsetVariable } from './section.ts';
import { type Entry, type Tree, toPlain } from './yaml-tree.ts';

/** What `litellm_params` says about a deployment; `model` is missing when that was a finding. */
export type DeploymentParams = Omit<
  DeploymentConfig,
  'modelName' | 'model' | 'id' | 'organization' | 'position' | 'customPrices' | 'baseModel' | 'modelInfo'
> & {
  readonly model: string | undefined;
  readonly organizations: readonly string[];
  readonly prices: Readonly<Record<string, number>>;
};

const DEFAULTS = new Set([...COMPLETION_DEFAULTS, ...UPSTREAM_DEFAULTS]);
const SETTINGS = new Set([...PROVIDER_SETTINGS, ...SHAPE_SETTINGS]);
const NAMES = [
  ...Object.keys(LITELLM_PARAMS.honoured),
  ...PRICE_STEMS,
  ...COMPLETION_DEFAULTS,
  ...PROVIDER_SETTINGS,
  ...SHAPE_SETTINGS,
  ...LITELLM_PARAMS.ignored,
];

/** Where the keys go that are in no table. */
interface Bags {
  readonly defaults: Record<string, unknown>;
  readonly providerSettings: Record<string, unknown>;
  readonly prices: Record<string, number>;
}

export function readParams(tree: Tree | undefined, path: string, findings: Findings): DeploymentParams {
  const bags: Bags = { defaults: {}, providerSettings: {}, prices: {} };
  const onUnknownKey = (key: string, entry: Entry, keyPath: string): void =>
    sort(key, entry, bags, { path: keyPath, findings });
  const section = openSection({ tree, path, rules: LITELLM_PARAMS, onUnknownKey }, findings);
  const model = section.read('model');
  if (tree?.kind === 'map' && (model === undefined || model === '') && !isComplaint(section)) {
    findings.error(
      `${path}.model`,
      'is missing; it names the provider and the model, such as provider/model',
      tree.position,
    );
  }
  return {
    ...reach(section),
    ...limits(section),
    tagPatterns: patternsIn(section, findings),
    model: model === '' ? undefined : model,
    organizations: section.read('organization') ?? [],
    mockResponse: section.read('mock_response'),
    ...(section.read('fake_stream') !== undefined && { fakeStream: section.read('fake_stream') }),
    credentialName: section.read('litellm_credential_name') || undefined,
    dropParams: section.read('drop_params'),
    additionalDropParams: section.read('additional_drop_params') ?? [],
    allowedParams: section.read('allowed_openai_params') ?? [],
    ...(takesCallerKey(section, findings) && { takesCallerKey: true }),
    // `extra_body` is what the deployment's owner wants in the body, so it wins over a default of the same name.
    defaults: { ...bags.defaults, ...section.read('extra_body') },
    providerSettings: bags.providerSettings,
    region: typeof bags.providerSettings['region_name'] === 'string' ? bags.providerSettings['region_name'] : undefined,
    prices: bags.prices,
  };
}

type Params = Section<typeof LITELLM_PARAMS.honoured>;

/** The model was written but is no text: that is a finding already. */
function isComplaint(section: Params): boolean {
  const written = section.entries.get('model')?.value;
  return written !== undefined && (written.kind !== 'scalar' || typeof written.value === 'boolean');
}

const reach = (section: Params) => ({
  customProvider: section.read('custom_llm_provider'),
  apiKey: section.read('api_key'),
  apiBase: section.read('api_base') ?? section.read('base_url'),
  apiVersion: section.read('api_version'),
  extraHeaders: section.read('extra_headers') ?? {},
});

const limits = (section: Params) => ({
  timeoutMs: section.read('timeout') ?? section.read('request_timeout'),
  streamTimeoutMs: section.read('stream_timeout'),
  numRetries: section.read('num_retries'),
  weight: section.read('weight'),
  rpm: section.read('rpm'),
  tpm: section.read('tpm'),
  maxParallelRequests: section.read('max_parallel_requests'),
  order: section.read('order'),
  tags: section.read('tags') ?? [],
  cooldownMs: section.read('cooldown_time'),
  silentModels: section.read('silent_model') ?? [],
  maxBudgetUsd: section.read('max_budget'),
  budgetDuration: section.read('budget_duration'),
});

/** LiteLLM leaves a pattern out that cannot be read. */
function patternsIn(section: Params, findings: Findings): readonly string[] {
  return (section.read('tag_regex') ?? []).filter((pattern) => {
    try {
      return new RegExp(pattern) instanceof RegExp;
    } catch {
      const path = `${section.path}.tag_regex`;
      findings.warn(path, `"${pattern}" is no regular expression; it is left out`, section.positionOf('tag_regex'));
      return false;
    }
  });
}

/** A name alone, or `{name: pattern}`. Only keys: an address of the client's would be sent the operator's secrets. */
function takesCallerKey(section: Params, findings: Findings): boolean {
  const tree = section.read('configurable_clientside_auth_params');
  if (tree === undefined) return false;
  const items = tree.kind === 'list' ? tree.items : [tree];
  const names = items.flatMap((item) => {
    if (item.kind === 'map') return [...item.entries.keys()];
    return item.kind === 'scalar' ? [String(item.value)] : [];
  });
  const path = `${section.path}.configurable_clientside_auth_params`;
  const others = names.filter((name) => name !== 'api_key').join(', ');
  if (others !== '')
    findings.warn(path, `${others}: clients can never set this, only api_key; it is left out`, tree.position);
  return names.includes('api_key');
}

interface Where {
  readonly path: string;
  readonly findings: Findings;
}

function sort(key: string, entry: Entry, bags: Bags, where: Where): void {
  const { path, findings } = where;
  if (isPriceKey(key)) readPrice(key, entry, bags.prices, where);
  else if (SETTINGS.has(key)) keep(key, entry, bags.providerSettings, { ...where, message: 'handed to the provider' });
  else if (DEFAULTS.has(key)) keep(key, entry, bags.defaults, { ...where, message: 'a default of each request' });
  else if (!refuseMisspeltPrice(key, entry, where)) {
    const near = nearestNames(key, NAMES, typingErrorLimit(key));
    if (near.length > 0) {
      findings.add('unknown', path, `looks like a typing error.${didYouMean(near)}`, entry.keyPosition);
      return;
    }
    findings.warn(path, 'nobody knows this key; sent to the upstream as a default parameter', entry.keyPosition);
    put(bags.defaults, key, toPlain(entry.value));
  }
}

function keep(key: string, entry: Entry, bag: Record<string, unknown>, where: Where & { message: string }): void {
  where.findings.add('honoured', where.path, where.message, entry.keyPosition);
  warnOfUnsetVariable(where.path, entry, where.findings);
  const value = toPlain(entry.value);
  if (value !== null) put(bag, key, value);
}

/** Defines rather than assigns, so that a key named `__proto__` is only a key. */
function put(bag: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(bag, key, { value, enumerable: true, configurable: true, writable: true });
}
