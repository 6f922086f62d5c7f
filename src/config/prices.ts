/** Price fields of a deployment: numbers in USD, by the names of the price catalog. */

import { didYouMean, nearestNames, suggestionLimit } from '../lib/near-name.ts';
import type { Findings } from './findings.ts';
import { PRICE_STEMS } from './known-params.ts';
import { checkValue } from './section.ts';
import { readValue } from './values.ts';
import type { Entry } from './yaml-tree.ts';

interface Where {
  readonly path: string;
  readonly findings: Findings;
}

/** `free: true` says that it costs nothing on purpose, which an unknown price does not. */
const FREE = 'free';

export function readPrice(key: string, entry: Entry, prices: Record<string, number>, where: Where): void {
  if (key === FREE) {
    checkValue('boolean', entry, where);
    const isFree = readValue('boolean', entry.value);
    if (isFree.ok && isFree.value === true) prices[FREE] = 1;
    return;
  }
  checkValue('amount', entry, where);
  const reading = readValue('amount', entry.value);
  if (reading.ok && reading.value !== undefined) prices[key] = reading.value;
}

const LOOKS_LIKE_A_PRICE = /cost_per_|_token_cost|uplift_multiplier/;

/** A misspelt price must never pass as an unknown parameter: it would bill wrongly. True when it was refused. */
export function refuseMisspeltPrice(key: string, entry: Entry, { path, findings }: Where): boolean {
  if (!LOOKS_LIKE_A_PRICE.test(key)) return false;
  const near = nearestNames(key, PRICE_STEMS, suggestionLimit(key));
  const message = `nobody knows this price field.${didYouMean(near)}`;
  findings.add('unknown', path, message, entry.keyPosition);
  return true;
}
