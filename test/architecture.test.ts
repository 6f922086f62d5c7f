/** The gates that keep the code readable in an afternoon. Each failure says what to do instead; none is to be loosened. */
import { describe, expect, test } from 'bun:test';
import { providerIds } from '../src/providers/registry.ts';
import { filesUnder, importsOf, isTest, linesIn, read, type SourceFile } from './support/source-tree.ts';

const LOW = ['wire', 'errors', 'lib'];
const MONEY = ['db', 'limits', 'ledger', 'pricing'];

/** Folder → what it may import beside itself. `app` and `main` see everything. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  wire: [],
  lib: [],
  config: LOW,
  db: LOW,
  pricing: LOW,
  limits: ['db', 'pricing', 'gateway/entities', ...LOW],
  ledger: ['db', 'pricing', ...LOW],
  providers: LOW,
  routing: ['providers/adapter', ...LOW],
  gateway: ['providers/adapter', 'routing/plan', ...LOW],
  features: ['gateway', 'providers/adapter', ...MONEY, ...LOW],
  callbacks: ['gateway', 'providers/adapter', ...MONEY, ...LOW],
  auth: ['gateway/call', 'gateway/entities', 'db', ...LOW],
  admin: ['auth', 'gateway/entities', ...MONEY, ...LOW],
  tokens: LOW,
  http: ['gateway', 'admin', ...LOW],
};
const SEES_EVERYTHING = new Set(['app', 'main']);

const sources = filesUnder('src', ['.ts', '.tsx']);
const code = sources.filter(({ path }) => !isTest(path));
const tests = [...sources.filter(({ path }) => isTest(path)), ...filesUnder('test', ['.ts', '.py', '.sh'])];
const documents = filesUnder('.', ['.md']);

/** `src/gateway/call.ts` → `gateway`, `src/errors.ts` → `errors`. */
const folderOf = (path: string): string => (path.split('/')[1] ?? '').replace(/\.tsx?$/, '');
const stemOf = (path: string): string => path.replace(/^src\//, '').replace(/\.tsx?$/, '');
const isOwn = (path: string): boolean => path.startsWith('src/');

/** Fails with one line for each offence. */
function expectNone(offences: readonly string[], instead: string): void {
  expect(offences.length === 0 ? '' : `${instead}\n  ${offences.join('\n  ')}`).toBe('');
}

function linesMatching(files: readonly SourceFile[], pattern: RegExp): string[] {
  return files.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, at) => (pattern.test(line) ? [`${path}:${at + 1} ${line.trim()}`] : [])),
  );
}

describe('dependencies', () => {
  test('a folder imports only what its row of the table allows', () => {
    const offences = code.flatMap((file) => {
      const from = folderOf(file.path);
      if (SEES_EVERYTHING.has(from)) return [];
      const allowed = MAY_IMPORT[from];
      if (!allowed) return [`${file.path}: the folder "${from}" has no row`];
      return importsOf(file)
        .filter(isOwn)
        .filter((path) => folderOf(path) !== from)
        .filter((path) => !allowed.includes(folderOf(path)) && !allowed.includes(stemOf(path)))
        .map((path) => `${file.path} imports ${path}`);
    });
    expectNone(
      offences,
      'Take what you need as a parameter and let src/app.ts hand it in, or move the shared part to wire/ or lib/:',
    );
  });

  test('features do not know each other', () => {
    const features = code.filter(({ path }) => path.startsWith('src/features/') && !path.endsWith('/index.ts'));
    const offences = features.flatMap((file) =>
      importsOf(file)
        .filter((path) => /^src\/(features|callbacks)\//.test(path) && !path.endsWith('/meter.ts'))
        .map((path) => `${file.path} imports ${path}`),
    );
    expectNone(offences, 'A feature stands alone; let features/index.ts hand over what two of them share:');
  });

  test('imports form no cycle', () => {
    const graph = new Map(code.map((file) => [file.path, importsOf(file).filter(isOwn)]));
    expectNone(cyclesIn(graph), 'Move what both need into a third file that imports neither:');
  });

  test('the architecture page shows the same table', () => {
    const rows = [...read('ARCHITECTURE.md').matchAll(/^\| (`[^|]+) \|[^|]+\| ([^|]+) \|$/gm)];
    const page = new Map(
      rows.flatMap(([, folders = '', allowed = '']) =>
        [...folders.matchAll(/`([a-z]+)(?:\.ts)?`/g)].map(([, folder = '']) => [folder, wordsOf(allowed)] as const),
      ),
    );
    const offences = Object.entries(MAY_IMPORT)
      .filter(([folder]) => sources.some(({ path }) => folderOf(path) === folder))
      .filter(([folder, allowed]) => allowed.toSorted().join() !== (page.get(folder) ?? []).toSorted().join())
      .map(
        ([folder, allowed]) => `${folder}: page says "${page.get(folder)?.join(', ')}", test "${allowed.join(', ')}"`,
      );
    expectNone(offences, 'Change ARCHITECTURE.md and MAY_IMPORT together:');
  });

  test('every run-time dependency has its reason in docs/decisions', () => {
    const { dependencies, optionalDependencies } = JSON.parse(read('package.json'));
    const reasons = filesUnder('docs/decisions', ['.md']).map(({ text }) => text);
    const offences = [...Object.keys(dependencies), ...Object.keys(optionalDependencies)]
      .map((name) => name.replace(/^@oven\/bun-.*/, '@oven/bun-*'))
      .filter((name) => !reasons.some((text) => text.includes(`\`${name}\``)));
    expectNone(offences, 'Say in a page of docs/decisions why the package is worth having:');
  });
});

describe('one home for each concern', () => {
  test('queries live in db', () => {
    const elsewhere = code.filter(({ path }) => !path.startsWith('src/db/'));
    const offences = linesMatching(
      elsewhere,
      /from '(kysely|bun:sqlite|pg)(\/[^']*)?'|\bsql`|\.(selectFrom|insertInto|updateTable|deleteFrom)\(/,
    );
    expectNone(offences, 'Write the query as a function in the file of its table in src/db/ and call that:');
  });

  test('the environment is read in config/env.ts', () => {
    const elsewhere = code.filter(({ path }) => path !== 'src/config/env.ts');
    const offences = linesMatching(elsewhere, /\b(process|Bun)\.env\b|import\.meta\.env/);
    expectNone(offences, 'Add the variable to Env in src/config/env.ts and take it as a parameter:');
  });

  test('a provider is named in providers only', () => {
    const elsewhere = code.filter(
      ({ path }) => !path.startsWith('src/providers/') && !/^src\/config\/known-(keys|params)\.ts$/.test(path),
    );
    const ids = [...providerIds].map((id) => id.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');
    const offences = linesMatching(elsewhere, new RegExp(`['"\`](?:${ids})(?:/|['"\`])`))
      .filter((line) => !/^\S+ (\/\/|\/?\*)/.test(line))
      // What OpenAI's list of models says of each, whoever the provider is.
      .filter((line) => !line.includes("owned_by: 'openai'"));
    expectNone(offences, "Make the difference a field of ProviderAdapter, or data in the provider's registry line:");
  });
});

describe('size and names', () => {
  test('files are short enough to read', () => {
    const limitOf = (path: string): number => {
      if (path === 'src/gateway/pipeline.ts') return 200;
      return path.startsWith('src/providers/') ? 500 : 300;
    };
    const offences = code
      .map(({ path, text }) => ({ path, length: text.trimEnd().split('\n').length, limit: limitOf(path) }))
      .filter(({ length, limit }) => length > limit)
      .map(({ path, length, limit }) => `${path}: ${length} lines, at most ${limit}`);
    expectNone(offences, 'Find the second noun in the file and give it a file of its own:');
  });

  test('files are named for what they hold', () => {
    const vague = new Set(['util', 'utils', 'helper', 'helpers', 'manager', 'service', 'base', 'common', 'misc', 'v2']);
    const offences = [...sources, ...filesUnder('test', ['.ts'])]
      .map(({ path }) => path)
      .filter((path) => {
        const name = (path.split('/').pop() ?? '').replace(/(\.test)?\.tsx?$/, '');
        const kebab = /^[a-z0-9]+(-[a-z0-9]+)*(\.property)?$/.test(name);
        return !kebab || name.split('-').some((word) => vague.has(word));
      });
    expectNone(offences, 'Use a kebab-case noun that says what is in it:');
  });

  test('there is more test than code', () => {
    const ratio = linesIn(tests) / linesIn(code);
    console.log(`tests : code = ${ratio.toFixed(2)} (${linesIn(tests)} : ${linesIn(code)} lines)`);
    expect(ratio).toBeGreaterThan(MIN_TEST_RATIO);
  });
});

/** Never to go down. */
const MIN_TEST_RATIO = 1.5;

describe('linters', () => {
  test('the linter forbids what reviewers would have to look for', () => {
    const { linter, overrides } = JSON.parse(read('biome.json'));
    const { suspicious, style, complexity, nursery, correctness } = linter.rules;
    expect(linter.enabled).toBe(true);
    expect(suspicious).toMatchObject({ noExplicitAny: 'error', noTsIgnore: 'error' });
    expect(style).toMatchObject({ noNonNullAssertion: 'error', useImportType: 'error' });
    expect(nursery).toMatchObject({
      noFloatingPromises: 'error',
      noMisusedPromises: 'error',
      useExhaustiveSwitchCases: 'error',
    });
    expect(correctness).toMatchObject({ noUnusedImports: 'error', noUnusedVariables: 'error' });
    expect(complexity).toMatchObject({
      noExcessiveCognitiveComplexity: { level: 'error', options: { maxAllowedComplexity: 12 } },
      noExcessiveLinesPerFunction: { level: 'error', options: { maxLines: 60 } },
      useMaxParams: { level: 'error', options: { max: 4 } },
    });
    // Only the length of a test's function is nobody's business.
    const loosened = overrides.map(({ linter: { rules } }: { linter: { rules: object } }) => rules);
    expect(loosened).toEqual([{ complexity: { noExcessiveLinesPerFunction: 'off' } }]);
  });

  test('the compiler is strict', () => {
    expect(JSON.parse(read('tsconfig.json')).compilerOptions).toMatchObject({
      strict: true,
      noUncheckedIndexedAccess: true,
      exactOptionalPropertyTypes: true,
      noImplicitOverride: true,
      verbatimModuleSyntax: true,
      erasableSyntaxOnly: true,
    });
  });

  test('nothing is silenced without a reason', () => {
    const offences = linesMatching(
      sources,
      /@ts-(ignore|nocheck|expect-error)|biome-ignore(-all|-start)?\s+[\w/]+\s*(:\s*)?$/,
    );
    expectNone(offences, 'Restructure; where a suppression must stay it is "biome-ignore rule: reason":');
  });
});

describe('words', () => {
  test('the code and its documents hold up on any machine', () => {
    const allowed = new Set(['test/support/recordings.ts', 'test/architecture.test.ts']);
    const files = [
      ...sources,
      ...documents,
      ...filesUnder('test', ['.ts', '.py', '.sh', '.txt']),
      ...filesUnder('bin', ['.mjs']),
      ...filesUnder('scripts', ['.mjs', '.sh']),
      ...filesUnder('bench', ['.ts', '.mjs']),
      ...filesUnder('.', ['.yaml', '.json']).filter(({ path }) => !path.includes('/')),
    ].filter(({ path }) => !allowed.has(path));
    const offences = linesMatching(files, /(?<![\w.-])\/work\b|\.\.\/shared\b|\bsession \d|\bissue #?3\b/i);
    expectNone(offences, 'Say it without the machine or the occasion it was written on:');
  });
});

const LISTED: Readonly<Record<string, string>> = { 'errors.ts': 'errors' };

/** `errors, lib, wire` → a list; `nothing` and remarks in brackets count as none. */
function wordsOf(cell: string): string[] {
  return cell
    .replace(/\(.*?\)/g, '')
    .split(',')
    .map((word) => word.trim().replaceAll('`', ''))
    .filter((word) => word !== 'nothing' && word !== '')
    .map((word) => LISTED[word] ?? word);
}

function cyclesIn(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const seenAt = trail.indexOf(path);
    if (seenAt !== -1) cycles.push([...trail.slice(seenAt), path].join(' → '));
    if (seenAt !== -1 || done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return cycles;
}
