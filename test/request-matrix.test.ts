/**
 * Every request at every provider of the registry: what is sent is what the golden files say, and nothing is lost in silence.
 * `WRITE_GOLDENS=1 npm test -- test/request-matrix.test.ts` writes the files and the table of docs/providers.md anew.
 */
import { describe, expect, test } from 'bun:test';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathOf, valueAt } from './support/json-paths.ts';
import { type Sample, samples, speaksOpenAi } from './support/provider-samples.ts';
import { REQUEST_FIXTURES } from './support/request-fixtures.ts';
import { compatibleGoldens, type Goldens, goldensOf } from './support/request-goldens.ts';
import { outcomeOf, silentMembers } from './support/request-outcomes.ts';
import { tableText } from './support/request-table.ts';
import { ROOT, read } from './support/source-tree.ts';

const COMMAND = 'WRITE_GOLDENS=1 npm test -- test/request-matrix.test.ts';
const isWriting = process.env['WRITE_GOLDENS'] === '1';
const FOLDER = join(ROOT, 'test', 'golden');
const COMPATIBLE = 'openai-compatible';

const own = samples.filter((sample) => !speaksOpenAi(sample));

/** Some are one and the same under two names. */
function ownGoldens(): ReadonlyMap<string, Goldens> {
  const files = new Map<string, Goldens>();
  for (const sample of own) {
    const goldens = goldensOf(sample);
    const same = [...files.values()].some((known) => plain(known, sample) === plain(goldens, sample));
    if (!same) files.set(sample.name, goldens);
  }
  return files;
}

/** Refusals name the provider, and a second name may begin like the first. */
const plain = (goldens: Goldens, { adapter }: Sample): string =>
  JSON.stringify(goldens)
    .replaceAll(adapter.id, '')
    .replaceAll(adapter.id.replace(/_(chat|beta)$/, ''), '');

/** A line for each request. */
const linesOf = (goldens: object): string =>
  Object.entries(goldens)
    .map((entry) => `${JSON.stringify(Object.fromEntries([entry]))}\n`)
    .join('');

const fromLines = (text: string): unknown =>
  Object.assign({}, ...text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)])));

/** Groups of providers that do the same, with each request. */
const flat = (groups: Readonly<Record<string, Goldens>>): Goldens =>
  Object.fromEntries(
    Object.entries(groups).flatMap(([names, goldens]) =>
      Object.entries(goldens).map(([request, golden]) => [`${names}: ${request}`, golden] as const),
    ),
  );

const expected = new Map<string, object>([...ownGoldens(), [COMPATIBLE, flat(compatibleGoldens())]]);
const pathOfGolden = (name: string): string => join(FOLDER, `${name}.jsonl`);

const MARKERS = ['<!-- fields: written by test/request-matrix.test.ts -->', '<!-- end of fields -->'] as const;
const PAGE = 'docs/providers.md';

function tableInPage(page: string): string | undefined {
  const [start, end] = MARKERS.map((marker) => page.indexOf(marker));
  return start === undefined || end === undefined || start < 0 || end < start
    ? undefined
    : page.slice(start + MARKERS[0].length, end).trim();
}

if (isWriting) {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  for (const [name, goldens] of expected) writeFileSync(pathOfGolden(name), linesOf(goldens));
  const page = read(PAGE);
  const text = `${MARKERS[0]}\n\n${tableText()}\n\n${MARKERS[1]}`;
  const before = tableInPage(page) === undefined ? undefined : page.slice(0, page.indexOf(MARKERS[0]));
  const after = page.slice(page.indexOf(MARKERS[1]) + MARKERS[1].length);
  writeFileSync(
    join(ROOT, PAGE),
    before === undefined ? `${page.trimEnd()}\n\n## Fields\n\n${text}\n` : before + text + after,
  );
}

describe('what is sent', () => {
  test.each([...expected.keys()])('to %s is what its golden file says', (name) => {
    const file = pathOfGolden(name);
    const golden: unknown = existsSync(file) ? fromLines(readFileSync(file, 'utf8')) : `no file: ${COMMAND}`;
    // If the change is meant, the command above writes the file anew.
    expect(golden).toEqual(JSON.parse(JSON.stringify(expected.get(name))));
  });

  test('has a golden file for nobody who is gone', () => {
    expect(readdirSync(FOLDER).sort()).toEqual([...expected.keys()].map((name) => `${name}.jsonl`).sort());
  });

  test(`is what the table of ${PAGE} says`, () => {
    expect(tableInPage(read(PAGE))).toBe(tableText());
  });
});

describe.each(samples.map((sample) => [sample.name, sample] as const))('%s', (_, sample) => {
  test('takes no member of any request in silence', () => {
    const silent = REQUEST_FIXTURES.flatMap(({ name, body }) =>
      [false, true].flatMap((dropParams) =>
        silentMembers(sample, body, dropParams).map(({ path, why }) => `${name}: ${path}: ${why}`),
      ),
    );
    expect(silent).toEqual([]);
  });

  test('refuses by naming a member that the request has, and what to do', () => {
    for (const { name, body } of REQUEST_FIXTURES) {
      const outcome = outcomeOf(sample, body, false);
      if (outcome.kind === 'sent') continue;
      const path = pathOf(outcome.param ?? '');
      const found = [...path.keys()].some((at) => valueAt(body, path.slice(0, path.length - at)) !== undefined);
      expect({ name, param: outcome.param, found }).toEqual({ name, param: outcome.param, found: true });
      expect(outcome.message.length).toBeGreaterThan(30);
    }
  });

  test('makes the same of the same request, and leaves the request as it was', () => {
    for (const { body } of REQUEST_FIXTURES) {
      const before = JSON.stringify(body);
      expect(outcomeOf(sample, body, true)).toEqual(outcomeOf(sample, body, true));
      expect(JSON.stringify(body)).toBe(before);
    }
  });
});

describe('the requests', () => {
  test('are many, each with a name of its own', () => {
    const names = REQUEST_FIXTURES.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(60);
  });

  test('hold every row of the table', () => {
    for (const { body, rows } of REQUEST_FIXTURES) {
      for (const member of Object.values(rows)) expect(valueAt(body, pathOf(member))).toBeDefined();
    }
  });
});

describe('the search for what is lost', () => {
  const sample = samples.find(({ name }) => name === 'openai');
  /** OpenAI's adapter, but for what becomes of its body. */
  const broken = (change: (body: Record<string, unknown>) => unknown): Sample => {
    if (!sample) throw new Error('OpenAI is gone');
    const { adapter } = sample;
    const buildRequest: typeof adapter.buildRequest = (...given) => {
      const request = adapter.buildRequest(...given);
      return { ...request, body: JSON.stringify(change(JSON.parse(request.body))) };
    };
    return { ...sample, adapter: { ...adapter, buildRequest } };
  };
  const messages = [{ role: 'user', content: 'Hello QZ100' }];

  test.each([
    ['a field that is not passed on', { seed: 4711 }, ({ seed: _, ...body }: Record<string, unknown>) => body, 'seed'],
    [
      'a switch that is not passed on',
      { store: true },
      ({ store: _, ...body }: Record<string, unknown>) => body,
      'store',
    ],
    [
      'a text that is cut',
      {},
      (body: object) => JSON.parse(JSON.stringify(body).replace(' QZ100', '')),
      'messages[0].content',
    ],
    [
      'a constant in place of what was asked',
      { verbosity: 'low' },
      (body: object) => ({ ...body, verbosity: 'high' }),
      'verbosity',
    ],
    [
      'a second entry that is lost',
      { stop: ['QZ101', 'QZ102'] },
      ({ stop, ...body }: Record<string, unknown>) => ({ ...body, stop: Array.isArray(stop) && stop.slice(0, 1) }),
      'stop[1]',
    ],
  ])('finds %s', (_, fields, change, path) => {
    const silent = silentMembers(broken(change), { messages, ...fields }, false);
    expect(silent.map((one) => one.path)).toEqual([path]);
    expect(
      silentMembers(
        broken((body) => body),
        { messages, ...fields },
        false,
      ),
    ).toEqual([]);
  });
});
