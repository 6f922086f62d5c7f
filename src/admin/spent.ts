/** What each of several entities has spent: in its current budget window, and ever. */
import { spendOf, spendSince } from '../db/scope-usage.ts';
import type { ScopeKind } from '../db/usage-scopes.ts';
import { usdNumber } from '../lib/usd.ts';
import { parseWindow, type WindowSpan, windowAt } from '../limits/window.ts';
import { caughtUp } from './caught-up.ts';
import type { AdminContext } from './context.ts';

export interface Spender {
  readonly id: string;
  /** LiteLLM's text of its budget's window, its own or that of the budget it refers to; `null`: for ever. */
  readonly budgetDuration: string | null;
  /** An admin set the spend by hand: it was `nanoUsd` at `atMs`. */
  readonly spendSet?: { readonly nanoUsd: number; readonly atMs: number } | null;
}

interface Spending {
  readonly spend_set_nano_usd: number | null;
  readonly spend_set_at_ms: number | null;
  readonly counts_from_ms?: number | null;
}

/** What counted as spent when an admin said so, or when the entity was made anew, whichever came last. */
export function spendSetOf(row: Spending): Exclude<Spender['spendSet'], undefined> {
  const [nanoUsd, setMs, fromMs] = [row.spend_set_nano_usd, row.spend_set_at_ms, row.counts_from_ms ?? null];
  const isSet = nanoUsd !== null && setMs !== null && Number(setMs) >= Number(fromMs ?? 0);
  if (isSet) return { nanoUsd: Number(nanoUsd), atMs: Number(setMs) };
  return fromMs === null ? null : { nanoUsd: 0, atMs: Number(fromMs) };
}

/** Dollars; LiteLLM's names. */
export interface Spent {
  readonly spend: number;
  readonly total_spend: number;
  /** ISO 8601; `null`: never. */
  readonly budget_reset_at: string | null;
}

const NOTHING: Spent = { spend: 0, total_spend: 0, budget_reset_at: null };

/** From the stored ledger, up to the request answered last. @returns by id */
export async function spentBy(
  context: Pick<AdminContext, 'db' | 'ledger' | 'settings' | 'now'>,
  kind: ScopeKind,
  spenders: readonly Spender[],
): Promise<(id: string) => Spent> {
  const { db, ledger } = context;
  await caughtUp(ledger);
  const ids = spenders.map(({ id }) => id);
  const ever = await spendOf(db, kind, ids);
  const total = (id: string): number => ever.get(id)?.costNanoUsd ?? 0;
  const spent = new Map<string, Spent>();
  for (const { sinceMs, members } of bySince(context, spenders)) {
    const window = sinceMs <= 0 ? ever : await spendSince(db, kind, [...members.keys()], sinceMs);
    for (const [id, { span, startNanoUsd }] of members) {
      spent.set(id, {
        spend: dollars(startNanoUsd + (window.get(id)?.costNanoUsd ?? 0)),
        total_spend: dollars(total(id)),
        budget_reset_at: span.endMs === null ? null : new Date(span.endMs).toISOString(),
      });
    }
  }
  return (id) => spent.get(id) ?? NOTHING;
}

interface Member {
  readonly span: WindowSpan;
  /** What counts as spent before anything is added. */
  readonly startNanoUsd: number;
}

interface Since {
  readonly sinceMs: number;
  readonly members: Map<string, Member>;
}

/** One query for all whose window began at the same time. */
function bySince({ settings, now }: Pick<AdminContext, 'settings' | 'now'>, spenders: readonly Spender[]): Since[] {
  const { timeZone } = settings();
  const groups = new Map<number, Since>();
  for (const { id, budgetDuration, spendSet } of spenders) {
    const span = windowAt(parseWindow(budgetDuration, timeZone) ?? { kind: 'lifetime' }, now());
    const isSet = spendSet != null && spendSet.atMs >= span.startMs;
    const sinceMs = isSet ? spendSet.atMs : span.startMs;
    const group = groups.get(sinceMs) ?? { sinceMs, members: new Map() };
    group.members.set(id, { span, startNanoUsd: isSet ? spendSet.nanoUsd : 0 });
    groups.set(sinceMs, group);
  }
  return [...groups.values()];
}

const dollars = (nano: number): number => usdNumber(nano) ?? 0;
