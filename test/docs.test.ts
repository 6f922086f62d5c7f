/** What the documents say is true: links lead somewhere, examples parse, every flag is mentioned. */
import { describe, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errorsOf } from './support/config-files.ts';
import { filesUnder, ROOT, read } from './support/source-tree.ts';

const documents = filesUnder('.', ['.md']);

interface Block {
  readonly path: string;
  readonly language: string;
  readonly text: string;
}

const blocks: Block[] = documents.flatMap(({ path, text }) =>
  [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = '', body = '']) => ({
    path,
    language,
    text: body,
  })),
);
const blocksOf = (language: string): Block[] => blocks.filter((block) => block.language === language);

/** As GitHub makes anchors of headings. */
const anchorsIn = (text: string): string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

describe('the README', () => {
  const readme = read('README.md');

  test('is short', () => {
    expect(readme.split('\n').length).toBeLessThanOrEqual(120);
  });

  test('starts with the two commands', () => {
    const commands = readme.slice(0, readme.indexOf('\n# '));
    expect(commands).toMatch(/^```sh\nnpm ci && npm start\b.*\nnpm test\b.*\n```\n/);
  });

  test('names only scripts that package.json has', () => {
    const { scripts } = JSON.parse(read('package.json'));
    const named = [...readme.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name);
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  });
});

describe('links', () => {
  test.each(documents)('$path leads somewhere with every link', ({ path, text }) => {
    const dead = [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link = '']) => link)
      .filter((link) => !/^(https?|mailto):/.test(link))
      .filter((link) => {
        const [file = '', anchor] = link.split('#');
        const target = file === '' ? path : join(dirname(path), file);
        if (!existsSync(join(ROOT, target))) return true;
        return anchor !== undefined && !anchorsIn(read(target)).includes(anchor);
      });
    expect(dead).toEqual([]);
  });

  test('no document names a source file that is gone', () => {
    const dead = documents
      .filter(({ path }) => path !== 'CHANGELOG.md')
      .flatMap(({ path, text }) =>
        [...text.matchAll(/`((?:src|test|bin|scripts|docs)\/[\w./-]+\.\w+)`/g)].map(([, file = '']) => ({
          path,
          file,
        })),
      )
      .filter(({ file }) => !existsSync(join(ROOT, file)))
      .map(({ path, file }) => `${path}: ${file}`);
    expect(dead).toEqual([]);
  });
});

describe('examples', () => {
  test.each(blocksOf('yaml'))('a configuration in $path can be used', ({ text }) => {
    expect(errorsOf(text, EXAMPLE_ENVIRONMENT)).toEqual([]);
  });

  test.each([...blocksOf('json'), { path: 'package.json', language: 'json', text: read('package.json') }])(
    'JSON in $path is JSON',
    ({ text }) => {
      expect(() => JSON.parse(text)).not.toThrow();
    },
  );

  test('shell examples name only flags that the program has', () => {
    const used = blocksOf('sh').flatMap(({ text }) =>
      [...text.matchAll(/npm start -- (.+)/g)].map(([, flags = '']) => flags),
    );
    const flags = used.flatMap((line) => line.match(/--[a-z-]+/g) ?? []);
    expect(flags.filter((flag) => !helpFlags().includes(flag))).toEqual([]);
  });
});

test('every flag of the program is in the README', () => {
  const readme = read('README.md');
  const plain = new Set(['--help', '--version']);
  expect(helpFlags().length).toBeGreaterThan(3);
  expect(helpFlags().filter((flag) => !plain.has(flag) && !readme.includes(flag))).toEqual([]);
});

const EXAMPLE_ENVIRONMENT = {
  OPENAI_API_KEY: 'sk-for-the-example',
  AZURE_API_KEY: 'for-the-example',
  GROQ_API_KEY: 'for-the-example',
  LITELLM_MASTER_KEY: 'sk-a-long-one-for-the-example',
};

function helpFlags(): string[] {
  const help = Bun.spawnSync([process.execPath, join(ROOT, 'src', 'main.ts'), '--help']).stdout.toString();
  return [...help.matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, flag = '']) => flag);
}
