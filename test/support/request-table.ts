/** The table field × provider of docs/providers.md, made of what the providers make of the requests. */
import { differences, leavesOf, type Path, pathOf, pathText, valueAt, withoutMember } from './json-paths.ts';
import { type Sample, samples, speaksOpenAi } from './provider-samples.ts';
import { type Body, REQUEST_FIXTURES, type RequestFixture } from './request-fixtures.ts';
import { compatibleGoldens, type Goldens } from './request-goldens.ts';
import { changeAbout, outcomeOf, type Reading } from './request-outcomes.ts';

const general = (path: Path): string => pathText(path).replace(/\[\d+\]/g, '[]');

/** What becomes of one member of a request. */
function cellOf(sample: Sample, { body }: RequestFixture, member: string): string {
  const path = pathOf(member);
  const strict = outcomeOf(sample, body, false);
  const dropParams = strict.kind === 'refused';
  const outcome = dropParams ? outcomeOf(sample, body, true) : strict;
  if (outcome.kind === 'refused') return '400';
  const reading = { sample, body, dropParams, outcome };
  const change = changeAbout(reading, path);
  if (change?.action === 'dropped') return dropParams ? '400 or left out' : 'left out';
  const place = placeOf(reading, path);
  const isEmulated =
    change?.action === 'emulated' ||
    (path.length === 2 && outcome.changes.some(({ field, action }) => field === path[0] && action === 'emulated'));
  return isEmulated ? `≈ ${place === '=' ? '' : place}`.trim() : place;
}

/** Where it stands in what is sent: `=` where the client put it. */
function placeOf(reading: Reading, path: Path): string {
  const { body, outcome } = reading;
  const marksIn = (value: unknown): readonly string[] => JSON.stringify(value).match(/QZ\d{3}/g) ?? [];
  const elsewhere = new Set(marksIn(withoutMember(body, path)));
  const marks = marksIn(valueAt(body, path)).filter((mark) => !elsewhere.has(mark));
  const leaves = leavesOf(outcome.body).filter((leaf) => marks.some((mark) => JSON.stringify(leaf).includes(mark)));
  const places = leaves.length > 0 ? [commonOf(leaves.map((leaf) => leaf.path))] : placesWithout(reading, path);
  const shown = [...new Set(places.map(general))];
  const own = general(path);
  return shown.some((place) => place.startsWith(own)) ? '=' : shown.map((place) => `\`${place}\``).join(', ');
}

const commonOf = ([first = [], ...rest]: readonly Path[]): Path =>
  rest.reduce((common, path) => {
    const end = common.findIndex((step, at) => typeof step === 'string' && step !== path[at]);
    return end === -1 ? common : common.slice(0, end);
  }, first);

/** What is not there when the client leaves the member out. */
function placesWithout({ sample, body, dropParams, outcome }: Reading, path: Path): Path[] {
  const rest = outcomeOf(sample, withoutMember(body, path) as Body, dropParams); // An object without a member is one.
  if (rest.kind === 'refused') return [path];
  const places = differences(rest.body, outcome.body).map((place) => innermost(outcome.body, place));
  return places.length === 0 && !Bun.deepEquals(rest.headers, outcome.headers) ? [['headers']] : places;
}

/** The only member of the only member, so long as there is but one. */
function innermost(body: Body, place: Path): Path {
  const value = valueAt(body, place);
  const names = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
  const [only] = names;
  return names.length === 1 && only !== undefined ? innermost(body, [...place, only]) : place;
}

const rows = REQUEST_FIXTURES.flatMap((fixture) =>
  Object.entries(fixture.rows).map(([label, member]) => ({ label, member, fixture })),
);

function ownTable(): string[] {
  const columns = new Map<string, { readonly names: string[]; readonly cells: readonly string[] }>();
  for (const sample of samples.filter((one) => !speaksOpenAi(one))) {
    const cells = rows.map(({ fixture, member }) => cellOf(sample, fixture, member));
    const column = columns.get(cells.join('|')) ?? { names: [], cells };
    column.names.push(sample.name);
    columns.set(cells.join('|'), column);
  }
  const all = [...columns.values()];
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    line(['', ...all.map(({ names }) => names.join(', '))]),
    `|${'---|'.repeat(all.length + 1)}`,
    ...rows.map(({ label }, at) => line([label, ...all.map(({ cells }) => cells[at] ?? '')])),
  ];
}

/** One line for each group of providers: what they are not sent as it came. */
function compatibleTable(): string[] {
  const lines = Object.entries(compatibleGoldens()).map(([names, goldens]) => {
    const list = (words: readonly string[]): string => [...new Set(words)].map((word) => `\`${word}\``).join(', ');
    const { refused, changed } = exceptionsIn(goldens);
    return `| ${names.replaceAll(' ', ', ')} | ${list(refused)} | ${[...new Set(changed)].join('; ')} |`;
  });
  return ['| | 400 or left out | changed |', '|---|---|---|', ...lines];
}

const CHANGE = /^([^=]+)=(\w+)\((.*)\)$/s;

function exceptionsIn(goldens: Goldens): { readonly refused: string[]; readonly changed: string[] } {
  const all = Object.values(goldens);
  const parts = (changes: readonly string[] = []) => changes.map((change) => CHANGE.exec(change)?.slice(1) ?? []);
  return {
    refused: all.flatMap(({ dropping }) => parts(dropping?.changes).map(([field = '']) => field)),
    changed: all.flatMap(({ changes }) =>
      parts(changes).map(([field = '', action = '', note = '']) =>
        action === 'renamed' && /^\w+$/.test(note) ? `\`${field}\` as \`${note}\`` : `\`${field}\` ${action}: ${note}`,
      ),
    ),
  };
}

export const tableText = (): string =>
  [
    'Every request of `test/support/request-fixtures.ts` at every provider. `=`: sent as it came. A name: where it is sent. `≈`: emulated, the',
    'place behind it. `left out`: reported in `x-tollgate-changed`. `400 or left out`: refused, or with `drop_params` left out and reported.',
    '`400`: refused, because the answer would be another one without it.',
    '',
    ...ownTable(),
    '',
    'Providers that speak OpenAI’s own dialect get every field as it came, but for these:',
    '',
    ...compatibleTable(),
  ].join('\n');
