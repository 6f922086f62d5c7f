/** Settings that were made at run time: they lie over those of the file, key by key, and are read by the same readers. */
import { jsonOf, NOWHERE, treeOf } from './json-tree.ts';
import { GENERAL, LITELLM, ROUTER } from './schema.ts';
import type { Kind } from './values.ts';
import type { Entry, MapTree } from './yaml-tree.ts';

export type SettingsSection = 'router_settings' | 'litellm_settings' | 'general_settings';
type Json = Readonly<Record<string, unknown>>;
export type SettingsLayer = { readonly [Section in SettingsSection]?: Json };

export interface Layer {
  readonly settings: SettingsLayer;
  /** Names of models that the file does not have: fallbacks and aliases may lead to them. */
  readonly served: readonly string[];
}

export const SECTIONS: { readonly [Section in SettingsSection]: Readonly<Record<string, Kind>> } = {
  router_settings: ROUTER.honoured,
  litellm_settings: LITELLM.honoured,
  general_settings: GENERAL.honoured,
};

// The keys of the table above, which types as text.
export const SECTION_NAMES = Object.keys(SECTIONS) as readonly SettingsSection[];

/** Read at the start only, or a secret: these stay the file's. */
const ONLY_IN_FILE: ReadonlySet<string> = new Set([
  'master_key',
  'database_url',
  'dangerously_permit_weak_or_unset_master_key',
]);

export const isChangeable = (section: SettingsSection, name: string): boolean =>
  Object.hasOwn(SECTIONS[section], name) && !(section === 'general_settings' && ONLY_IN_FILE.has(name));

export function withLayer(file: MapTree, layer: SettingsLayer): MapTree {
  const entries = new Map<string, Entry>(file.entries);
  for (const section of SECTION_NAMES) {
    const given = layer[section];
    if (given === undefined || Object.keys(given).length === 0) continue;
    const known = entries.get(section);
    const own = known?.value.kind === 'map' ? known.value.entries : new Map<string, Entry>();
    const added = Object.entries(given).map(([name, value]): [string, Entry] => [
      name,
      { keyPosition: NOWHERE, value: treeOf(value) },
    ]);
    const value: MapTree = {
      kind: 'map',
      entries: new Map([...own, ...added]),
      position: known?.keyPosition ?? NOWHERE,
    };
    entries.set(section, { keyPosition: known?.keyPosition ?? NOWHERE, value });
  }
  return { ...file, entries };
}

const SECRET_NAME = /(?:key|secret|password|passwd|token|credential)s?$/i;
const LOADED_ADDRESS = /:\/\/[^/]*@/;

/** As they are written, with references to the environment unresolved; only what is acted on, and without secrets. */
export function writtenSettings(tree: MapTree): { readonly [Section in SettingsSection]: Json } {
  const shown = (section: SettingsSection): Json => {
    const value = tree.entries.get(section)?.value;
    if (value?.kind !== 'map') return {};
    const kept = [...value.entries].filter(([name]) => Object.hasOwn(SECTIONS[section], name));
    return Object.fromEntries(kept.map(([name, entry]) => [name, hidden(name, jsonOf(entry.value))]));
  };
  return {
    router_settings: shown('router_settings'),
    litellm_settings: shown('litellm_settings'),
    general_settings: shown('general_settings'),
  };
}

const MASK = '********';

/** Texts only: a number of tokens is no secret. */
function hidden(name: string, value: unknown): unknown {
  if (typeof value === 'string') {
    const isSecret = SECRET_NAME.test(name) || name === 'database_url' || LOADED_ADDRESS.test(value);
    return isSecret && !value.startsWith('os.environ/') ? MASK : value;
  }
  if (Array.isArray(value)) return value.map((item) => hidden(name, item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, hidden(key, item)]));
}
