/**
 * The list of docs/providers.md is what the registry says.
 * `WRITE_GOLDENS=1 npm test -- test/provider-list.test.ts` writes it anew.
 */
import { expect, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { registry } from '../src/providers/registry.ts';
import { ROOT, read } from './support/source-tree.ts';

const PAGE = 'docs/providers.md';
const START = '<!-- providers: written by test/provider-list.test.ts -->';
const END = '<!-- end of providers -->';

const names = (variables: readonly string[]): string => variables.map((name) => `\`${name}\``).join(', ') || '–';

function listText(): string {
  const rows = [...registry.values()]
    .toSorted((one, other) => (one.id < other.id ? -1 : 1))
    .map(({ id, apiKeyEnv, baseUrlEnv, defaultBaseUrl }) => {
      const address = defaultBaseUrl === '' ? '–' : defaultBaseUrl;
      return `| \`${id}/\` | ${names(apiKeyEnv)} | ${address} | ${names(baseUrlEnv)} |`;
    });
  return ['| Prefix | Key | Address | Another address |', '|---|---|---|---|', ...rows].join('\n');
}

const between = (page: string): string => page.slice(page.indexOf(START) + START.length, page.indexOf(END)).trim();

if (process.env['WRITE_GOLDENS'] === '1') {
  const page = read(PAGE);
  const after = page.slice(page.indexOf(END));
  writeFileSync(join(ROOT, PAGE), `${page.slice(0, page.indexOf(START))}${START}\n\n${listText()}\n\n${after}`);
}

test(`the list of ${PAGE} has every provider of the registry, with its variables and its address`, () => {
  const page = read(PAGE);
  expect([page.includes(START), page.includes(END)]).toEqual([true, true]);
  expect(between(page)).toBe(listText());
});
