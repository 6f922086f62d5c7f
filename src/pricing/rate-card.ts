/** What one model costs: prices in USD by the field names of LiteLLM's public price list. */
import { createHash } from 'node:crypto';

/** Prices that hold for requests whose prompt has at most `upToTokens` tokens. */
export interface PriceTier {
  readonly upToTokens: number;
  readonly prices: Readonly<Record<string, number>>;
}

export type SearchContextSize = 'low' | 'medium' | 'high';

/** Prices of a provider's cheaper hours; they go before all others while such a window is open. */
export interface OffPeak {
  readonly windows: readonly OffPeakWindow[];
  readonly prices: Readonly<Record<string, number>>;
}

/** Minutes of the day in UTC, the end not included; it may lie before the start, on the next day. */
export interface OffPeakWindow {
  readonly from: number;
  readonly to: number;
  /** 1 (Monday) to 7; absent: every day. */
  readonly weekdays?: readonly number[];
  /** IANA zone that the weekdays are of; UTC when absent. */
  readonly weekdayZone?: string;
}

export interface RateCard {
  /** USD for one unit of what the field is named after: a token, a second, a request. */
  readonly prices: Readonly<Record<string, number>>;
  /** `tiered_pricing`, smallest range first. Its prices go before `prices`. */
  readonly tiers?: readonly PriceTier[];
  /** USD for one web search. */
  readonly searchPrices?: Readonly<Partial<Record<SearchContextSize, number>>>;
  /** Factors on the price of tokens, by a model's mode (`fast`) or by where it serves (`us`, `eu`, `regional`). */
  readonly multipliers?: Readonly<Record<string, number>>;
  readonly offPeak?: OffPeak;
  /** Date of the price list, and `+` with a hash of the custom prices when there are any. */
  readonly version: string;
  /** Costs nothing on purpose: every price is there and is zero, or the config says `free: true`. Unknown is not free. */
  readonly free: boolean;
  /** `custom`: an administrator set at least one of these prices. */
  readonly source: 'catalog' | 'custom';
}

/** Price fields as they stand in a config or in the price list; anything that is no price is left aside. */
export type PriceFields = Readonly<Record<string, unknown>>;

const SEARCH_SIZES: readonly SearchContextSize[] = ['low', 'medium', 'high'];

/** `undefined` when no field has a price. */
export function rateCardOf(fields: PriceFields, version: string): RateCard | undefined {
  return assemble({ prices: numbersOf(fields), ...listsOf(fields) }, version, 'catalog');
}

/**
 * Custom prices over those of the catalog. A base price replaces its whole side (input with caches and thresholds, or
 * output), because the list's other prices of that side belong to the base price it had. Any other custom price
 * replaces just itself.
 */
export function withCustomPrices(card: RateCard | undefined, custom: PriceFields, date: string): RateCard | undefined {
  const prices: Record<string, number> = numbersOf(custom);
  const lists = listsOf(custom);
  if (isYes(custom['free'])) {
    const nothing = { input_cost_per_token: 0, output_cost_per_token: 0 };
    return { prices: nothing, version: `${date}+${hashOf({ free: 1 })}`, free: true, source: 'custom' };
  }
  const touched = { ...prices, ...lists };
  if (Object.keys(touched).length === 0) return card;
  const replaced = replacedSides(prices, lists.tiers !== undefined);
  for (const [field, price] of Object.entries(card?.prices ?? {})) {
    if (!(field in prices) && !replaced.has(sideOf(field))) prices[field] = price;
  }
  const searchPrices = lists.searchPrices ?? card?.searchPrices;
  // What the list adds to, or takes off, its base prices goes with them.
  const { tiers, multipliers, offPeak } = replaced.size === 0 && card ? card : NO_LISTS;
  const kept = known({ tiers, multipliers, offPeak, searchPrices });
  return assemble({ prices, ...kept, ...lists }, `${date}+${hashOf(touched)}`, 'custom');
}

const NO_LISTS: Lists = {};

/** Without what is absent. */
const known = (lists: { readonly [Name in keyof Lists]?: Lists[Name] | undefined }): Lists =>
  // Each is what it was, or not there.
  Object.fromEntries(Object.entries(lists).filter(([, value]) => value !== undefined)) as Lists;

type Side = 'input' | 'output' | 'other';

function sideOf(field: string): Side {
  if (field.startsWith('output_')) return 'output';
  return field.startsWith('input_') || field.startsWith('cache_') ? 'input' : 'other';
}

function replacedSides(custom: Readonly<Record<string, number>>, hasTiers: boolean): ReadonlySet<Side> {
  const has = (field: string): boolean => field in custom;
  const byToken = has('input_cost_per_token') || has('output_cost_per_token');
  const bySecond = has('input_cost_per_second') || has('output_cost_per_second');
  if (hasTiers || (bySecond && !byToken)) return new Set<Side>(['input', 'output']);
  const sides = new Set<Side>();
  if (has('input_cost_per_token')) sides.add('input');
  if (has('output_cost_per_token')) sides.add('output');
  return sides;
}

type Lists = Pick<RateCard, 'tiers' | 'searchPrices' | 'multipliers' | 'offPeak'>;
type CardParts = Pick<RateCard, 'prices'> & Lists;

function assemble(parts: CardParts, version: string, source: RateCard['source']): RateCard | undefined {
  const { prices, tiers, searchPrices } = parts;
  const values = Object.values(prices);
  if (values.length === 0 && tiers === undefined) return undefined;
  const isComplete = prices['input_cost_per_token'] === 0 && prices['output_cost_per_token'] === 0;
  const searchIsFree = Object.values(searchPrices ?? {}).every((price) => price === 0);
  const free = isComplete && tiers === undefined && searchIsFree && values.every((price) => price === 0);
  return { ...parts, version, free, source };
}

function numbersOf(fields: PriceFields): Record<string, number> {
  const prices: Record<string, number> = {};
  for (const [field, value] of Object.entries(fields)) {
    if (field.includes('cost') && isPrice(value)) prices[field] = value;
  }
  return prices;
}

function listsOf(fields: PriceFields): Lists {
  const tiers = tiersOf(fields['tiered_pricing']);
  const searchPrices = searchPricesOf(fields['search_context_cost_per_query']);
  const multipliers = multipliersOf(fields);
  return known({ tiers, searchPrices, multipliers, offPeak: offPeakOf(fields['off_peak_pricing']) });
}

const UPLIFT = /^regional_(?:processing_uplift_multiplier_(\w+)|endpoint_uplift_multiplier)$/;

function multipliersOf(fields: PriceFields): RateCard['multipliers'] | undefined {
  const own = fields['provider_specific_entry'];
  const found = Object.entries(isRecord(own) ? own : {});
  for (const [field, value] of Object.entries(fields)) {
    const match = UPLIFT.exec(field);
    if (match) found.push([match[1] ?? 'regional', value]);
  }
  const factors = found.filter((entry): entry is [string, number] => isPrice(entry[1]));
  return factors.length > 0 ? Object.fromEntries(factors) : undefined;
}

function offPeakOf(value: unknown): OffPeak | undefined {
  if (!isRecord(value)) return undefined;
  const zone = value['weekday_timezone'];
  const rules = [{ hours_utc: value['hours_utc'] }, ...(Array.isArray(value['windows']) ? value['windows'] : [])];
  const windows = rules.filter(isRecord).flatMap((rule) => {
    const days = rule['weekdays'];
    const weekdays = Array.isArray(days) ? { weekdays: days.filter((day) => typeof day === 'number') } : {};
    return [rule['hours_utc']].flat().flatMap((hours) => {
      const match = /^(\d\d):(\d\d)-(\d\d):(\d\d)$/.exec(typeof hours === 'string' ? hours.trim() : '');
      if (!match) return [];
      const [, fromHour, fromMinute, toHour, toMinute] = match.map(Number);
      const from = (fromHour ?? 0) * 60 + (fromMinute ?? 0);
      const to = (toHour ?? 0) * 60 + (toMinute ?? 0);
      return [{ from, to, ...weekdays, ...(typeof zone === 'string' && { weekdayZone: zone }) }];
    });
  });
  return windows.length > 0 ? { windows, prices: numbersOf(value) } : undefined;
}

function tiersOf(value: unknown): readonly PriceTier[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const tiers = value.flatMap((tier: unknown): PriceTier[] => {
    const range: unknown = isRecord(tier) ? tier['range'] : undefined;
    if (!isRecord(tier) || !Array.isArray(range)) return [];
    // The last tier may be open-ended.
    const upTo: unknown = range[1] ?? Number.POSITIVE_INFINITY;
    return typeof upTo === 'number' ? [{ upToTokens: upTo, prices: numbersOf(tier) }] : [];
  });
  return tiers.length > 0 ? tiers.sort((a, b) => a.upToTokens - b.upToTokens) : undefined;
}

function searchPricesOf(value: unknown): RateCard['searchPrices'] | undefined {
  if (!isRecord(value)) return undefined;
  const prices: Partial<Record<SearchContextSize, number>> = {};
  for (const size of SEARCH_SIZES) {
    const price = value[`search_context_size_${size}`];
    if (isPrice(price)) prices[size] = price;
  }
  return Object.keys(prices).length > 0 ? prices : undefined;
}

const isPrice = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value >= 0;
const isYes = (value: unknown): boolean => value === true || value === 1;
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The same prices in another order give the same hash. */
function hashOf(prices: object): string {
  const sorted = Object.entries(prices).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('hex').slice(0, 8);
}
