/** What becomes of a request at a provider, and which of its members left no trace there. */
import { GatewayError } from '../../src/errors.ts';
import type { Change } from '../../src/providers/adapter.ts';
import {
  type Leaf,
  leavesOf,
  type Path,
  pathText,
  type Step,
  valueAt,
  withMember,
  withoutMember,
} from './json-paths.ts';
import { ask } from './provider-parts.ts';
import { type Sample, targetOfSample } from './provider-samples.ts';
import { type Body, KEPT_BACK } from './request-fixtures.ts';

export interface Sent {
  readonly kind: 'sent';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body;
  readonly changes: readonly Change[];
  readonly memo: unknown;
}

export interface Refused {
  readonly kind: 'refused';
  readonly param: string | undefined;
  readonly message: string;
}

export type Outcome = Sent | Refused;

/** @throws whatever an adapter throws that is no refusal of the request */
export function outcomeOf(sample: Sample, body: Body, dropParams: boolean): Outcome {
  const gatewayKeys = KEPT_BACK.filter((key) => key in body);
  try {
    const { url, headers, sent, changes, memo } = ask(targetOfSample(sample), { body, dropParams, gatewayKeys });
    return { kind: 'sent', url, headers, body: sent, changes, memo };
  } catch (error) {
    if (!(error instanceof GatewayError) || error.kind !== 'invalid_request') throw error;
    return { kind: 'refused', param: error.details.param ?? undefined, message: error.message };
  }
}

/** Words that say what is clear without them: nothing else may stand in their place. */
const CONSTANT: ReadonlySet<unknown> = new Set(
  'function ephemeral object text thinking allowed_tools json_schema'.split(' '),
);

/** Usage is always asked for; whether the client sees it is the gateway's own business. */
const THE_GATEWAYS_OWN: ReadonlySet<string> = new Set([...KEPT_BACK, 'stream_options']);

/** They only say what belongs together, and a place in a list may say the same. */
const LINKS: ReadonlySet<Step | undefined> = new Set(['id', 'tool_call_id', '$ref']);

function isClear({ path, value }: Leaf, body: Body): boolean {
  const isConstant = path.at(-1) === 'type' && CONSTANT.has(value);
  const isWithoutWords = path.at(-1) === 'role' && valueAt(body, [...path.slice(0, -1), 'content']) === '';
  return THE_GATEWAYS_OWN.has(String(path[0])) || isConstant || isWithoutWords;
}

const MARK = /QZ\d{3}/g;

/** Marks, and numbers that stand nowhere else. */
function marksIn(value: unknown): readonly string[] {
  const text = typeof value === 'string' ? value : '';
  const isRare = typeof value === 'number' && String(value).length >= 4;
  return isRare ? [String(value)] : (text.match(MARK) ?? []);
}

export interface Silence {
  readonly path: string;
  readonly why: 'its value is nowhere' | 'it makes no difference';
}

/** A request that a provider was sent, and what became of it. */
export interface Reading {
  readonly sample: Sample;
  readonly body: Body;
  readonly dropParams: boolean;
  readonly outcome: Sent;
}

/**
 * Members that left no trace: neither did they reach the provider, nor is it said that they did not. A value with a mark
 * must stand in what is sent; any other must make a difference to what is sent, told or refused. What is told by name has
 * left its trace.
 */
export function silentMembers(sample: Sample, body: Body, dropParams: boolean): Silence[] {
  const outcome = outcomeOf(sample, body, dropParams);
  if (outcome.kind === 'refused') return [];
  const reading = { sample, body, dropParams, outcome };
  const leaves = leavesOf(body).filter((leaf) => !isClear(leaf, body) && !changeAbout(reading, leaf.path));
  return leaves.flatMap((leaf) => {
    const why = silenceOf(reading, leaf);
    return why === undefined ? [] : [{ path: pathText(leaf.path), why }];
  });
}

function silenceOf({ sample, body, dropParams, outcome }: Reading, leaf: Leaf): Silence['why'] | undefined {
  const sent = JSON.stringify([outcome.url, outcome.headers, outcome.body]);
  const marks = marksOf(leaf);
  if (marks.some((mark) => !sent.includes(mark))) return 'its value is nowhere';
  // A mark stands only once, but for words of an answer that are there twice.
  if (leaf.path[0] === 'messages' && marks.length > 0) return undefined;
  const others = othersFor(leaf.value).map((other) => withMember(body, leaf.path, other));
  const isSame = (changed: unknown): boolean => Bun.deepEquals(outcomeOf(sample, changed as Body, dropParams), outcome); // An object with a member changed is one.
  return [withoutMember(body, leaf.path), ...others].every(isSame) ? 'it makes no difference' : undefined;
}

function marksOf({ path, value }: Leaf): readonly string[] {
  if (LINKS.has(path.at(-1))) return [];
  // Definitions may be written out where they are used, without their own names.
  return path.includes('$defs') ? marksIn(value) : [...marksIn(value), ...path.flatMap(marksIn)];
}

/** Values that say something else. */
function othersFor(value: unknown): readonly unknown[] {
  if (value === 'enabled') return ['disabled'];
  if (typeof value === 'boolean') return [!value];
  if (typeof value === 'number') return [value + 1];
  if (value === 'user') return ['assistant'];
  if (value === 'assistant') return ['user'];
  return Array.isArray(value)
    ? [['something']]
    : [typeof value === 'object' && value !== null ? { some: 'thing' } : 'something'];
}

/** Adapters' word for tools that a choice leaves out. */
const NOT_CHOSEN = 'those not chosen';

/**
 * The change that tells of a member: `tools.strict` of `tools[1].function.strict`, `response_format` of all of it but the
 * schema, and one about `messages` of what its note names.
 */
export function changeAbout(reading: Reading, path: Path): Change | undefined {
  return reading.outcome.changes.find((change) => change.action !== 'added' && isAbout(change, path, reading));
}

function isAbout({ field, action, note }: Change, path: Path, reading: Reading): boolean {
  const [asked, ...names] = path.filter((step) => typeof step === 'string');
  const [first = '', ...rest] = field.split('.');
  if (first !== asked) return false;
  if (rest.length > 0) return rest.every((step) => names.includes(step));
  const words = new Set(note.match(/[$\w]+/g) ?? []);
  if (names.some((name) => words.has(name))) return true;
  if (first === 'messages') return false;
  if (action === 'dropped') return (names.length > 0 && note === NOT_CHOSEN) || isGone(reading, first);
  return !names.includes('schema');
}

/** Whether nothing of it is in the body: without it, the body would be the same. */
function isGone({ sample, body, dropParams, outcome }: Reading, field: string): boolean {
  const rest = withoutMember(body, [field]) as Body; // An object without a member is one.
  const without = outcomeOf(sample, rest, dropParams);
  return without.kind === 'sent' && Bun.deepEquals(without.body, outcome.body);
}
