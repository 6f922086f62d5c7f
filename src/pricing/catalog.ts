/**
 * Public prices and abilities of models, from catalog.json (made by scripts/refresh-catalog.mjs). The file is read at
 * the first question and its entries stay as compact as they are written; one is unfolded when somebody asks for it.
 */
import { readFileSync } from 'node:fs';
import { modelNames, onPricedRoute, withoutRoute } from './model-names.ts';
import { type PriceFields, type RateCard, rateCardOf, withCustomPrices } from './rate-card.ts';

export type { RateCard };

export interface ModelRef {
  /** Prefix in `provider/model`; `undefined` when it is not known. */
  readonly provider?: string | undefined;
  /** With or without the prefix. */
  readonly model: string;
  /** `model_info.base_model`: the entry to use instead, of any provider. */
  readonly baseModel?: string | undefined;
  /** The provider's own name of the region that serves; where it has prices of its own, they go first. */
  readonly region?: string | undefined;
}

export interface PricedModelRef extends ModelRef {
  /** Price fields from the config, by catalog name; `free: true` among them makes the model free. */
  readonly customPrices?: PriceFields | undefined;
}

export interface Abilities {
  readonly provider: string;
  /** `chat`, `responses`, `completion`, `embedding`. */
  readonly mode: string;
  readonly maxInputTokens: number | undefined;
  readonly maxOutputTokens: number | undefined;
  /** `YYYY-MM-DD`. */
  readonly deprecationDate: string | undefined;
  /** `supports_vision` and the like, by catalog name. A flag that is not there is unknown, not `false`. */
  readonly flags: Readonly<Record<string, boolean>>;
  /** All other fields of the entry, prices among them, by catalog name. */
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface Catalog {
  /** Date of the price list, `YYYY-MM-DD`. */
  readonly date: string;
  /** `undefined`: the price is unknown, which is not zero. The same question gets the same object. */
  rateCard(ref: PricedModelRef): RateCard | undefined;
  abilities(ref: ModelRef): Abilities | undefined;
  /** Whose model a bare name is: `gpt-4o`, or a newer name of a family that has one provider. */
  inferProvider(model: string): string | undefined;
}

/** Provider, mode, maxInputTokens, maxOutputTokens, deprecationDate, flag set, field set, then a value for each field. */
type CatalogRecord = readonly [string, string, number, number, string | 0, number, number, ...unknown[]];
const FIRST_FIELD = 7;

interface CatalogFile {
  readonly about: { readonly date: string };
  /** Provider names that are other words for one in the records. */
  readonly prefixes: Readonly<Record<string, string>>;
  readonly fieldSets: readonly (readonly string[])[];
  readonly flagSets: readonly (readonly string[])[];
  readonly records: readonly CatalogRecord[];
  readonly models: Readonly<Record<string, number>>;
}

export function loadCatalog(): Catalog {
  let loaded: Catalog | undefined;
  const index = (): Catalog => {
    loaded ??= indexOf(readCatalog());
    return loaded;
  };
  return {
    get date() {
      return index().date;
    },
    rateCard: (ref) => index().rateCard(ref),
    abilities: (ref) => index().abilities(ref),
    inferProvider: (model) => index().inferProvider(model),
  };
}

function readCatalog(): CatalogFile {
  // Our own script writes this file, and a test reads every entry of it.
  return JSON.parse(readFileSync(new URL('./catalog.json', import.meta.url), 'utf8')) as CatalogFile;
}

const ownOf = <Value>(record: Readonly<Record<string, Value>>, name: string): Value | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined;

interface Finder {
  /** Number of the record, or -1. */
  find(ref: ModelRef): number;
  findName(name: string, provider: string | undefined, ofAnyProvider: boolean): number;
}

function finderOf(file: CatalogFile): Finder {
  const providerOf = (name: string): string => ownOf(file.prefixes, name) ?? name;
  const numberOf = (name: string): number | undefined => ownOf(file.models, name);

  function find(ref: ModelRef): number {
    const asked = ref.provider === undefined ? undefined : providerOf(ref.provider);
    const routed = onPricedRoute(ref.model, asked);
    const found = routed ? findAt({ ...ref, model: routed.model }, routed.provider) : -1;
    return found >= 0 ? found : findAt(ref, asked);
  }

  /** A bare name counts only when it is the asked provider's own. */
  function findAt({ model, baseModel, region }: ModelRef, asked: string | undefined): number {
    // Without a region no name is like this one.
    const regional = numberOf(`${asked}/${region}/${withoutRoute(baseModel ?? model)}`);
    if (regional !== undefined) return regional;
    if (baseModel !== undefined) {
      const found = findName(baseModel, asked, true);
      if (found >= 0) return found;
    }
    return findName(model, asked, asked === undefined);
  }

  function findName(name: string, provider: string | undefined, ofAnyProvider: boolean): number {
    for (const candidate of modelNames(name, provider)) {
      const own = provider === undefined ? undefined : numberOf(`${provider}/${candidate}`);
      const found = own ?? findBare(candidate, ofAnyProvider ? undefined : provider);
      if (found !== undefined) return found;
    }
    return -1;
  }

  function findBare(name: string, provider: string | undefined): number | undefined {
    const at = numberOf(name);
    if (at === undefined || provider === undefined) return at;
    return file.records[at]?.[0] === provider ? at : undefined;
  }

  return { find, findName };
}

function indexOf(file: CatalogFile): Catalog {
  const { date } = file.about;
  const cards = new Map<number, RateCard | undefined>();
  const customCards = new WeakMap<PriceFields, Map<number, RateCard | undefined>>();
  let families: ReadonlyMap<string, string> | undefined;

  const { find, findName } = finderOf(file);

  function fieldsOf(record: CatalogRecord): Record<string, unknown> {
    const names = file.fieldSets[record[6]] ?? [];
    return Object.fromEntries(names.map((name, at) => [name, record[FIRST_FIELD + at]]));
  }

  function listCard(at: number): RateCard | undefined {
    if (cards.has(at)) return cards.get(at);
    const record = file.records[at];
    const card = record && rateCardOf(fieldsOf(record), date);
    cards.set(at, card);
    return card;
  }

  function customCard(at: number, customPrices: PriceFields): RateCard | undefined {
    const known = customCards.get(customPrices) ?? new Map<number, RateCard | undefined>();
    customCards.set(customPrices, known);
    if (!known.has(at)) known.set(at, withCustomPrices(listCard(at), customPrices, date));
    return known.get(at);
  }

  return {
    date,
    rateCard(ref) {
      const at = find(ref);
      return ref.customPrices ? customCard(at, ref.customPrices) : listCard(at);
    },
    abilities(ref) {
      const record = file.records[find(ref)];
      if (!record) return undefined;
      const [provider, mode, maxInputTokens, maxOutputTokens, deprecationDate, flagSet] = record;
      return {
        provider,
        mode,
        maxInputTokens: maxInputTokens || undefined,
        maxOutputTokens: maxOutputTokens || undefined,
        deprecationDate: deprecationDate || undefined,
        flags: flagsOf(file.flagSets[flagSet] ?? []),
        fields: fieldsOf(record),
      };
    },
    inferProvider(model) {
      const record = file.records[findName(model, undefined, true)];
      if (record) return record[0];
      families ??= familiesOf(file);
      return model.includes('/') ? undefined : families.get(familyOf(model));
    },
  };
}

/** `!supports_vision` in the file says that it is known not to. */
function flagsOf(set: readonly string[]): Record<string, boolean> {
  return Object.fromEntries(set.map((flag) => (flag.startsWith('!') ? [flag.slice(1), false] : [flag, true])));
}

/** `gpt-` of `gpt-4o`, `o-` of `o3-mini`, `mistral.` (which is not `mistral-`) of `mistral.large`. */
function familyOf(model: string): string {
  const [, word = '', mark = ''] = /^([^-:.@_]*)([-:.@_])/.exec(model.toLowerCase()) ?? [];
  return `${word.replace(/\d+$/, '')}${mark}`;
}

const MIN_FAMILY_SIZE = 4;
const MIN_FAMILY_SHARE = 0.9;

/** Families of bare names that are as good as all of one provider, so that tomorrow's model is recognised. */
function familiesOf(file: CatalogFile): ReadonlyMap<string, string> {
  const tallies = new Map<string, Map<string, number>>();
  for (const [name, at] of Object.entries(file.models)) {
    const provider = file.records[at]?.[0];
    if (provider === undefined || name.includes('/')) continue;
    const tally = tallies.get(familyOf(name)) ?? new Map<string, number>();
    tallies.set(familyOf(name), tally.set(provider, (tally.get(provider) ?? 0) + 1));
  }
  const families = new Map<string, string>();
  for (const [family, tally] of tallies) {
    const total = [...tally.values()].reduce((sum, count) => sum + count, 0);
    const [provider, count] = [...tally].reduce((most, next) => (next[1] > most[1] ? next : most));
    if (total >= MIN_FAMILY_SIZE && count >= total * MIN_FAMILY_SHARE) families.set(family, provider);
  }
  return families;
}
