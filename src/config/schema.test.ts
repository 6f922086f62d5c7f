import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { findingsOf } from '../../test/support/config-files.ts';
import {
  COMPLETION_DEFAULTS,
  FREE_FACTS,
  isPriceKey,
  MODEL_FACTS,
  PRICE_STEMS,
  PROVIDER_SETTINGS,
  UPSTREAM_DEFAULTS,
} from './known-params.ts';
import * as schema from './schema.ts';

/** A section, a configuration with one key of it set, and the names that are no typing error there. */
interface Place {
  readonly keys: readonly string[];
  readonly known: readonly string[];
  write(key: string): string;
}

const PARAMS = [...COMPLETION_DEFAULTS, ...PRICE_STEMS, ...PROVIDER_SETTINGS];
const q = (key: string): string => JSON.stringify(key);
const model = (extra: string, params: string, info: string): string =>
  `{model_name: m, litellm_params: {model: openai/x${params}}, model_info: {mode: chat${info}}${extra}}`;
const withModel = (rest: string): string => `model_list: [${model('', '', '')}]\n${rest}`;

function place<const R extends { honoured: object; ignored: readonly string[] }>(
  rules: R,
  write: (key: string) => string,
  more: { keys?: readonly string[]; known?: readonly string[] } = {},
): Place {
  const keys = [...Object.keys(rules.honoured), ...(more.keys ?? [])];
  return { keys, known: [...keys, ...rules.ignored, ...(more.known ?? [])], write };
}

const PLACES: Readonly<Record<string, Place>> = {
  'the top level': place(schema.TOP_LEVEL, (key) => withModel(`${q(key)}: {}\n`)),
  'a model_list entry': place(schema.MODEL_ENTRY, (key) => `model_list: [${model(`, ${q(key)}: 1`, '', '')}]\n`),
  litellm_params: place(schema.LITELLM_PARAMS, (key) => `model_list: [${model('', `, ${q(key)}: 1`, '')}]\n`, {
    keys: PARAMS,
    known: UPSTREAM_DEFAULTS,
  }),
  model_info: place(schema.MODEL_INFO, (key) => `model_list: [${model('', '', `, ${q(key)}: 1`)}]\n`, {
    keys: [...PRICE_STEMS, ...MODEL_FACTS],
    known: FREE_FACTS,
  }),
  router_settings: place(schema.ROUTER, (key) => withModel(`router_settings: {${q(key)}: 1}\n`)),
  litellm_settings: place(schema.LITELLM, (key) => withModel(`litellm_settings: {${q(key)}: 1}\n`)),
  model_group_settings: place(schema.MODEL_GROUP_SETTINGS, (key) =>
    withModel(`litellm_settings: {model_group_settings: {${q(key)}: 1}}\n`),
  ),
  'an alias': place(schema.ALIAS, (key) =>
    withModel(`router_settings: {model_group_alias: {x: {model: m, ${q(key)}: 1}}}\n`),
  ),
  general_settings: place(schema.GENERAL, (key) => withModel(`general_settings: {${q(key)}: 1}\n`)),
  tollgate_settings: place(schema.TOLLGATE, (key) => withModel(`tollgate_settings: {${q(key)}: 1}\n`)),
};

const LETTERS = [...'abcdefghijklmnopqrstuvwxyz_'];

/** One letter left out, added, replaced, or swapped with its neighbour. */
function typoOf(key: string): fc.Arbitrary<string> {
  const edit = fc.constantFrom('drop', 'add', 'replace', 'swap');
  return fc.tuple(fc.nat(key.length - 1), fc.constantFrom(...LETTERS), edit).map(([at, letter, kind]) => {
    const before = key.slice(0, at);
    const after = key.slice(at + 1);
    if (kind === 'drop') return before + after;
    if (kind === 'add') return before + letter + key.slice(at);
    if (kind === 'replace') return before + letter + after;
    return before + after.slice(0, 1) + key.slice(at, at + 1) + after.slice(1);
  });
}

const FEWEST_LETTERS = 2;

describe('a typing error of one letter', () => {
  test.each(Object.entries(PLACES))(
    'in a key of %s is an error that names the right key',
    (_, { keys, known, write }) => {
      const typos = fc.constantFrom(...keys).chain((key) => fc.tuple(fc.constant(key), typoOf(key)));
      fc.assert(
        fc.property(typos, ([key, typo]) => {
          fc.pre(typo.length >= FEWEST_LETTERS && !known.includes(typo) && !isPriceKey(typo));
          const found = findingsOf(write(typo)).filter(({ level }) => level === 'unknown');
          expect(found).toHaveLength(1);
          expect(found[0]?.path).toEndWith(typo);
          expect(found[0]?.message).toContain(`"${key}"`);
        }),
        { numRuns: 60 },
      );
    },
  );
});

describe('the tables', () => {
  test('a key is honoured or ignored, never both, and stands in a table once', () => {
    for (const [name, { known, keys }] of Object.entries(PLACES)) {
      const twice = known.filter((key, index) => known.indexOf(key) !== index);
      expect({ name, twice }).toEqual({ name, twice: [] });
      expect(keys.length).toBeGreaterThan(0);
    }
  });

  test('every ignored key is reported as ignored, whatever its value', () => {
    for (const [section, { ignored }] of Object.entries({
      router_settings: schema.ROUTER,
      litellm_settings: schema.LITELLM,
      general_settings: schema.GENERAL,
    })) {
      const lines = ignored.map((key) => `  ${key}: {any: [thing]}`).join('\n');
      const found = findingsOf(withModel(`${section}:\n${lines}\n`)).filter(({ path }) =>
        path.startsWith(`${section}.`),
      );
      expect(found.map(({ level }) => level)).toEqual(ignored.map(() => 'ignored'));
    }
  });

  test.each(['litellm_settings', 'general_settings', 'router_settings', 'tollgate_settings'])(
    'a name far from every key of %s gets no hint',
    (section) => {
      const found = findingsOf(withModel(`${section}: {zzqqxx: 1}\n`)).filter(({ level }) => level === 'unknown');
      expect(found).toMatchObject([{ path: `${section}.zzqqxx`, message: 'nobody knows this key.' }]);
    },
  );
});
