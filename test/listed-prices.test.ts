/** Every chat model of the price list costs what the list says, under the names that people give it in a configuration. */
import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { targetsOf } from '../src/app/targets.ts';
import { createCards } from '../src/features/meter.ts';
import { loadCatalog } from '../src/pricing/catalog.ts';
import { registry } from '../src/providers/registry.ts';
import { load } from './support/config-files.ts';

interface ListFile {
  readonly prefixes: Readonly<Record<string, string>>;
  readonly records: readonly (readonly [provider: string, mode: string, ...rest: unknown[]])[];
  readonly models: Readonly<Record<string, number>>;
}

// Our own script writes it.
const file = JSON.parse(readFileSync(new URL('../src/pricing/catalog.json', import.meta.url), 'utf8')) as ListFile;
const catalog = loadCatalog();
const cards = createCards(() => catalog);

/** Nobody serves them, or they do not chat as the list says. */
const LEFT_OUT = ['fal_ai', 'gigachat', 'github_copilot', 'microsoft_365_copilot', 'nlp_cloud', 'oci', 'scaledown'];
/** They cost what the model costs that they choose. */
const ROUTERS = /model[-_]router$/;
/** Two entries of one name: the one with the prefix counts. */
const TWICE: ReadonlySet<string> = new Set(['gemini-exp-1206']);

interface Named {
  /** As in the list. */
  readonly listed: string;
  /** As in a configuration. */
  readonly model: string;
  readonly provider: string;
}

const inList: readonly Named[] = Object.entries(file.models).flatMap(([listed, at]) => {
  const [provider = '', mode] = file.records[at] ?? [];
  if (mode !== 'chat' || LEFT_OUT.includes(provider) || ROUTERS.test(listed) || TWICE.has(listed)) return [];
  const prefix = listed.split('/', 1)[0] ?? '';
  const isWhole = prefix !== listed && registry.has(prefix) && (file.prefixes[prefix] ?? prefix) === provider;
  return [{ listed, provider, model: isWhole ? listed : `${provider}/${listed}` }];
});

/** Other prefixes of the same models, and names without the spelling of the list's own prefix. */
const otherwise: readonly Named[] = inList.flatMap(({ listed, provider, model }) => {
  const bare = model.slice(provider.length + 1);
  const aliases = Object.keys(file.prefixes).filter((name) => file.prefixes[name] === provider && registry.has(name));
  const names = aliases.map((alias) => `${alias}/${bare}`);
  if (provider === 'bedrock_mantle') names.push(`bedrock/mantle/${bare}`);
  if (provider === 'amazon_nova') names.push(`amazon_nova/${bare.replace('amazon-nova/', '')}`);
  return names.map((name) => ({ listed, provider, model: name }));
});

/** Names whose deployment has another price than the list, or none. */
function wrong(models: readonly Named[]): readonly string[] {
  const list = models.map(({ model }) => ({
    model_name: model,
    litellm_params: { model, api_key: 'k', api_base: 'https://models.example' },
  }));
  const { inferProvider, abilities } = catalog;
  const config = load(`model_list: ${JSON.stringify(list)}`, {});
  const targets = targetsOf(config, { lookUp: () => undefined, inferProvider, abilities });
  expect(targets).toHaveLength(models.length);
  return models.flatMap(({ model, listed }, at) => {
    const target = targets[at];
    const own = target && cards.rateCard(target)?.prices;
    const asked = catalog.rateCard({ model: listed })?.prices;
    return own?.['input_cost_per_token'] === asked?.['input_cost_per_token'] &&
      own?.['output_cost_per_token'] === asked?.['output_cost_per_token']
      ? []
      : [model];
  });
}

test('every provider in the list is served, but for those that are known not to be', () => {
  const providers = new Set(file.records.filter(([, mode]) => mode === 'chat').map(([provider]) => provider));
  expect([...providers].filter((provider) => !registry.has(provider)).sort()).toEqual(LEFT_OUT);
});

test('under its name in the list, with its provider in front', () => {
  expect(inList.length).toBeGreaterThan(2_500);
  expect(wrong(inList)).toEqual([]);
});

test('under the other names of its provider', () => {
  const prefixes = new Set(otherwise.map(({ model }) => model.split('/', 1)[0]));
  expect([...prefixes]).toEqual(expect.arrayContaining(['ai21_chat', 'ollama_chat', 'cohere_chat', 'vertex_ai_beta']));
  expect(wrong(otherwise)).toEqual([]);
});
