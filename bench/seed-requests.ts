/**
 * Requests of a seeded database: most of them by few busy keys, as they are in life, spread over 30 days. Rows go in without
 * their totals, which the ledger writer's own functions add by the ten thousand.
 */
import type { Database } from '../src/db/client.ts';
import { bulkRunner } from '../src/db/dialect.ts';
import { addNames } from '../src/db/dictionary.ts';
import { toDetails, toRequest } from '../src/db/request-codec.ts';
import type { LedgerRow } from '../src/db/request-row.ts';
import type { RequestsTable } from '../src/db/request-tables.ts';
import { addUsage, type EncodedRow, encoded, type UsageRefs, usageRefs } from '../src/db/usage-rollup.ts';
import { aliasOf, ownersOf, type People, tokenOf } from './seed-people.ts';

export const SPAN_MS = 30 * 86_400_000;
const ROWS_PER_BATCH = 50_000;
/** Keys that send nine tenths of the requests, and those that send the rest; all others never sent one. */
const BUSY_KEYS = 300;
const BUSY_SHARE = 0.9;
const QUIET_KEYS = 20_000;
const FAILING_SHARE = 0.03;
const MODELS = ['gpt-4o-mini', 'gpt-4o', 'o4-mini', 'claude-sonnet', 'claude-haiku', 'gemini-flash'] as const;
const PROVIDERS = ['openai', 'openai', 'openai', 'anthropic', 'anthropic', 'gemini'] as const;
const INPUT_NANO_USD = 150;
const OUTPUT_NANO_USD = 600;

export interface RequestsPlan {
  readonly keys: number;
  readonly rows: number;
  readonly people: People;
  /** Of the last request. */
  readonly untilMs: number;
  readonly random: () => number;
  note(text: string): void;
}

/** The number of a key that sends much, from the busiest on. */
export const busyKey = (rank: number, keys: number): number => (rank * 3_331) % keys;
const quietKey = (rank: number, keys: number): number => (rank * 47 + 5) % keys;

/** What all requests of one kind share. */
interface Kind {
  readonly row: LedgerRow;
  encoded: EncodedRow;
}

export async function seedRequests(db: Database, plan: RequestsPlan): Promise<void> {
  const kinds = kindsOf(plan);
  const { busy, quiet } = kinds;
  const all = [...busy, ...quiet].flat();
  const refs = await refsOf(db, all);
  for (let done = 0; done < plan.rows; done += ROWS_PER_BATCH) {
    const count = Math.min(ROWS_PER_BATCH, plan.rows - done);
    const rows = Array.from({ length: count }, (_, at) => requestOf(plan, done + at, kindFor(plan, kinds)));
    await db.transaction().execute(async (transaction) => {
      insertRows(transaction, rows);
      await addUsage(transaction, rows, refs);
    });
    if ((done / ROWS_PER_BATCH) % 10 === 9) plan.note(`${done + count} requests`);
  }
}

interface Kinds {
  /** By rank; of each key one kind that succeeds and one that fails. */
  readonly busy: readonly (readonly Kind[])[];
  readonly quiet: readonly (readonly Kind[])[];
}

function kindsOf({ keys, people }: RequestsPlan): Kinds {
  const kindsOfKey = (key: number): Kind[] => [kindOf(key, people, 'success'), kindOf(key, people, 'failure')];
  const ranks = (most: number) => Array.from({ length: Math.min(most, keys) }, (_, rank) => rank);
  return {
    busy: ranks(BUSY_KEYS).map((rank) => kindsOfKey(busyKey(rank, keys))),
    quiet: ranks(QUIET_KEYS).map((rank) => kindsOfKey(quietKey(rank, keys))),
  };
}

function kindFor({ random }: RequestsPlan, { busy, quiet }: Kinds): Kind {
  const isBusy = random() < BUSY_SHARE;
  const from = isBusy ? busy : quiet;
  const place = isBusy ? random() ** 2 : random();
  const kinds = from[Math.floor(place * from.length)];
  const kind = kinds?.[random() < FAILING_SHARE ? 1 : 0];
  if (kind === undefined) throw new Error('There is a kind of request for each key.');
  return kind;
}

const NO_BUCKETS = { input: 0, cacheRead: 0, cacheWrite: 0, inputAudio: 0, output: 0, reasoning: 0, outputAudio: 0 };

function kindOf(key: number, people: People, status: 'success' | 'failure'): Kind {
  const isSuccess = status === 'success';
  const place = key % MODELS.length;
  const model = MODELS[place] ?? MODELS[0];
  const provider = PROVIDERS[place] ?? PROVIDERS[0];
  const error = { kind: 'upstream_failed', type: 'api_error', message: 'The upstream answered 500', code: '500' };
  const row: LedgerRow = {
    id: '',
    callId: '',
    responseId: null,
    route: '/v1/chat/completions',
    status,
    httpStatus: isSuccess ? 200 : 500,
    stream: key % 2 === 0,
    startedAtMs: 0,
    endedAtMs: 0,
    firstTokenAtMs: null,
    upstreamMs: 0,
    overheadMs: 0,
    keyHash: tokenOf(key),
    keyAlias: aliasOf(key),
    ...ownersOf(key, people),
    projectId: null,
    endUser: key % 20 === 3 ? `customer-${key % 5_000}` : null,
    sessionId: null,
    clientIp: '10.0.0.1',
    userAgent: 'OpenAI/Python 2.0.0',
    tags: key % 10 === 1 ? ['production', `tag-${key % 40}`] : [],
    metadata: {},
    requestedModel: model,
    modelGroup: model,
    deploymentId: `${model}-${key % 2}`,
    model: `${provider}/${model}`,
    provider,
    apiBase: 'https://api.example.com/v1',
    buckets: isSuccess ? { ...NO_BUCKETS, source: 'provider' } : null,
    costNanoUsd: 0,
    costParts: isSuccess ? { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, reasoning: 0 } : null,
    priceVersion: 'seeded',
    attempts: [],
    changes: [],
    error: isSuccess ? null : error,
  };
  return { row, encoded: encoded(row, () => null) };
}

/** Numbers for all names, and each kind as the table holds it. */
async function refsOf(db: Database, kinds: readonly Kind[]): Promise<UsageRefs> {
  const names = new Set<string>(['']);
  for (const { row } of kinds) {
    toRequest(row, (name) => {
      if (name !== null) names.add(name);
      return null;
    });
    for (const tag of row.tags) names.add(tag);
  }
  const refs = await addNames(db, names);
  const refOf = (name: string | null): number | null => (name === null ? null : (refs.get(name) ?? null));
  for (const kind of kinds) kind.encoded = encoded(kind.row, refOf);
  return await usageRefs(
    db,
    kinds.map((kind) => kind.encoded),
    refOf,
  );
}

/** Evenly spread over the time, oldest first. */
function requestOf({ random, rows, untilMs }: RequestsPlan, number: number, { row, encoded }: Kind): EncodedRow {
  const startedAtMs = Math.floor(untilMs - SPAN_MS + (number * SPAN_MS) / rows);
  const id = Bun.randomUUIDv7('hex', startedAtMs);
  const isSuccess = row.status === 'success';
  const input = isSuccess ? 50 + Math.floor(random() * 3_000) : null;
  const output = isSuccess ? 1 + Math.floor(random() * 800) : null;
  const durationUs = 200_000 + Math.floor(random() * 4_000_000);
  const costs = [(input ?? 0) * INPUT_NANO_USD, (output ?? 0) * OUTPUT_NANO_USD] as const;
  const stored: RequestsTable = {
    ...encoded.stored,
    id,
    // Its own id, for an empty one would be stored in place of the usual nothing.
    call_id: null,
    response_id: isSuccess ? `chatcmpl-${id}` : null,
    started_at_ms: startedAtMs,
    duration_us: durationUs,
    upstream_us: durationUs - 1_500,
    overhead_us: 1_500,
    attempt_count: 1,
    input_tokens: input,
    output_tokens: output,
    cost_nano_usd: costs[0] + costs[1],
    cost_input_nano_usd: isSuccess ? costs[0] : null,
    cost_output_nano_usd: isSuccess ? costs[1] : null,
  };
  return { ...encoded, row, stored };
}

function insertRows(db: Database, rows: readonly EncodedRow[]): void {
  const insertRequest = inserter(db, 'requests');
  const insertDetails = inserter(db, 'request_details');
  for (const { row, stored } of rows) {
    insertRequest(stored);
    const details = toDetails(row);
    if (details !== undefined) insertDetails({ ...details, request_id: stored.id });
  }
}

/** Inserts rows of one shape, fast. */
export function inserter(db: Database, table: string): (row: object) => void {
  const run = bulkRunner(db);
  if (run === undefined) throw new Error('Only SQLite is seeded.');
  let statement: string | undefined;
  return (row) => {
    if (statement === undefined) {
      const columns = Object.keys(row);
      statement = `insert into ${table} (${columns.join(', ')}) values (${columns.map(() => '?').join(', ')})`;
    }
    run(statement, Object.values(row));
  };
}
