/** `model_info`: who the deployment is, what it costs, and whatever its owner wants to be shown about it. */

import { faultOf } from '../lib/access-window.ts';
import { didYouMean, nearestNames, typingErrorLimit } from '../lib/near-name.ts';
import type { ErrorPolicy, Position } from './config.ts';
import { policyOf } from './error-policy.ts';
import type { Findings } from './findings.ts';
import { FREE_FACTS, isPriceKey, MODEL_FACTS, PRICE_STEMS } from './known-params.ts';
import { readPrice, refuseMisspeltPrice } from './prices.ts';
import { ALLOWED_FAILS_POLICY, MODEL_INFO } from './schema.ts';
import { openSection } from './section.ts';
import { plainEntries } from './values.ts';
import { type Entry, join, type Tree } from './yaml-tree.ts';

export interface ModelInfo {
  readonly id: string | undefined;
  readonly idPosition: Position | undefined;
  readonly baseModel: string | undefined;
  /** What the team that it is for calls it. */
  readonly publicName: string | undefined;
  readonly supportedEnvironments: readonly string[] | undefined;
  readonly allowedFails: number | undefined;
  readonly tagFiltering: boolean | undefined;
  readonly failsOpen: boolean | undefined;
  readonly allowedFailsPolicy: ErrorPolicy | undefined;
  readonly prices: Readonly<Record<string, number>>;
  readonly written: Readonly<Record<string, unknown>>;
}

const FACTS = new Set([...MODEL_FACTS, ...FREE_FACTS]);
const NAMES = [...Object.keys(MODEL_INFO.honoured), ...PRICE_STEMS, ...MODEL_FACTS, ...MODEL_INFO.ignored];

export function readModelInfo(tree: Tree | undefined, path: string, findings: Findings): ModelInfo {
  const prices: Record<string, number> = {};
  const onUnknownKey = (key: string, entry: Entry, keyPath: string): void => {
    const where = { path: keyPath, findings };
    if (isPriceKey(key)) readPrice(key, entry, prices, where);
    else if (FACTS.has(key)) findings.add('honoured', keyPath, 'shown as written', entry.keyPosition);
    else if (!refuseMisspeltPrice(key, entry, where)) acceptFact(key, entry, keyPath, findings);
  };
  const section = openSection({ tree, path, rules: MODEL_INFO, onUnknownKey }, findings);
  const written = plainEntries(section.entries);
  const fault = faultOf(written['access_windows']);
  if (fault !== undefined) findings.error(join(path, 'access_windows'), fault, section.positionOf('access_windows'));
  const policy = section.read('allowed_fails_policy');
  const rules = ALLOWED_FAILS_POLICY;
  return {
    id: section.read('id'),
    idPosition: section.positionOf('id'),
    baseModel: section.read('base_model'),
    publicName: section.read('team_id') === undefined ? undefined : section.read('team_public_model_name'),
    supportedEnvironments: section.read('supported_environments'),
    allowedFails: section.read('allowed_fails'),
    tagFiltering: section.read('enable_tag_filtering'),
    failsOpen: section.read('allow_fail_open'),
    allowedFailsPolicy: policy && policyOf(policy, { path: join(path, 'allowed_fails_policy'), rules }, findings),
    prices,
    written,
  };
}

/** Any key is welcome, except one that looks like a typing error of a key that does something. */
function acceptFact(key: string, entry: Entry, path: string, findings: Findings): void {
  const near = nearestNames(key, NAMES, typingErrorLimit(key));
  if (near.length === 0) findings.add('honoured', path, 'shown as written', entry.keyPosition);
  else findings.add('unknown', path, `looks like a typing error.${didYouMean(near)}`, entry.keyPosition);
}
