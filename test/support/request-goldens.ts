/** What every provider makes of every request, in the form of the files in test/golden. */
import { differences, pathText, valueAt } from './json-paths.ts';
import { type Sample, samples, speaksOpenAi } from './provider-samples.ts';
import { type Body, REQUEST_FIXTURES, type RequestFixture } from './request-fixtures.ts';
import { type Outcome, outcomeOf } from './request-outcomes.ts';

/** One request at one provider. */
export interface Golden {
  readonly body?: unknown;
  /** `seed=dropped(not supported)` */
  readonly changes?: readonly string[];
  readonly refused?: string;
  /** What is sent with `drop_params`, where it is refused without. */
  readonly dropping?: Golden;
}

export function goldenOf(sample: Sample, fixture: RequestFixture): Golden {
  const outcome = outcomeOf(sample, fixture.body, false);
  if (outcome.kind === 'sent') return shown(outcome);
  const dropping = outcomeOf(sample, fixture.body, true);
  return { ...shown(outcome), ...(dropping.kind === 'sent' && { dropping: shown(dropping) }) };
}

/** What is said at the end of every refusal of a parameter. */
const WAY_OUT = / To drop them, .*allowed_openai_params\.$/;

function shown(outcome: Outcome): Golden {
  if (outcome.kind === 'refused') return { refused: `${outcome.param ?? ''}: ${outcome.message.replace(WAY_OUT, '')}` };
  const changes = outcome.changes.map(({ field, action, note }) => `${field}=${action}(${note})`);
  return { body: outcome.body, ...(changes.length > 0 && { changes }) };
}

export type Goldens = Readonly<Record<string, Golden>>;

export const goldensOf = (sample: Sample): Goldens =>
  Object.fromEntries(REQUEST_FIXTURES.map((fixture) => [fixture.name, goldenOf(sample, fixture)]));

/** Providers that speak OpenAI's dialect, told by what they make of the requests otherwise than as they came. */
export function compatibleGoldens(): Record<string, Goldens> {
  const groups = new Map<string, { readonly names: string[]; readonly goldens: Goldens }>();
  for (const sample of samples.filter(speaksOpenAi)) {
    const goldens = exceptionsOf(sample);
    // Refusals name the provider.
    const key = JSON.stringify(goldens).replaceAll(`${sample.adapter.id} `, '');
    const group = groups.get(key) ?? { names: [], goldens };
    group.names.push(sample.name);
    groups.set(key, group);
  }
  return Object.fromEntries([...groups.values()].map(({ names, goldens }) => [names.join(' '), goldens]));
}

function exceptionsOf(sample: Sample): Goldens {
  const [plain] = REQUEST_FIXTURES;
  // What is changed in every request is said once.
  const always = plain ? exceptionOf(sample, plain, {}) : undefined;
  const found = REQUEST_FIXTURES.map((fixture) => {
    const known = fixture === plain || !isJsonObject(always?.body) ? {} : always.body;
    return [fixture.name, exceptionOf(sample, fixture, known)] as const;
  });
  return Object.fromEntries(found.flatMap(([name, golden]) => (golden ? [[name, golden]] : [])));
}

const isJsonObject = (value: unknown): value is Body => typeof value === 'object' && value !== null;

/** `undefined`: it goes on as it came. */
function exceptionOf(sample: Sample, fixture: RequestFixture, known: Body): Golden | undefined {
  const golden = goldenOf(sample, fixture);
  const { dropping, refused, changes } = golden;
  if (refused !== undefined) {
    return { refused, ...(dropping?.changes && { dropping: { changes: dropping.changes } }) };
  }
  const changed = Object.entries(changedMembers(fixture.body, golden.body)).filter(
    ([place, value]) => !Bun.deepEquals(known[place], value),
  );
  if (changed.length === 0 && changes === undefined) return undefined;
  return { ...(changed.length > 0 && { body: Object.fromEntries(changed) }), ...(changes && { changes }) };
}

/** Every place where the body sent is not what the client wants there, with what stands there; `null` for nothing. */
function changedMembers(asked: Body, sent: unknown): Body {
  const { extra_body: extra, extra_headers: _, metadata: __, ...rest } = asked;
  const wanted = { model: 'some-model', ...rest, ...(isJsonObject(extra) ? extra : {}) };
  return Object.fromEntries(differences(wanted, sent).map((path) => [pathText(path), valueAt(sent, path) ?? null]));
}
