#!/usr/bin/env node
/**
 * Rewrites src/pricing/catalog.json from the price data that LiteLLM publishes in its Python package (MIT licence, see
 * NOTICE). The same input gives the same bytes, so a diff of the result shows what became dearer.
 *
 *   node scripts/refresh-catalog.mjs                                  the pinned release, through pip
 *   node scripts/refresh-catalog.mjs --version 1.107.0                another release
 *   node scripts/refresh-catalog.mjs --from FILE --version V --date YYYY-MM-DD
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const PINNED_VERSION = '1.106.2';
const OUTPUT = fileURLToPath(new URL('../src/pricing/catalog.json', import.meta.url));
const MEMBER = 'litellm/model_prices_and_context_window_backup.json';
const MODES = new Set(['chat', 'responses', 'completion', 'embedding']);

/** Their provider label → the prefix that users write in `provider/model`. */
const PROVIDER_PREFIXES = new Map([
  ['bedrock_converse', 'bedrock'],
  ['cohere_chat', 'cohere'],
  ['azure_text', 'azure'],
  ['text-completion-openai', 'openai'],
  ['text-completion-codestral', 'codestral'],
  ['text-completion-inception', 'inception'],
  ['vertex_ai_beta', 'vertex_ai'],
  ['ai21_chat', 'ai21'],
  ['ollama_chat', 'ollama'],
  ['sagemaker_chat', 'sagemaker'],
]);

/** Not the name of a flag or of a number, but wanted all the same. */
const EXTRA_FIELDS = new Set([
  'tiered_pricing',
  'search_context_cost_per_query',
  'off_peak_pricing',
  'search_free_requests',
  'web_search_billing_unit',
  'provider_specific_entry',
  'reasoning_effort_levels',
  'default_reasoning_effort',
  'prompt_cache_min_tokens',
]);
/** `cost_per_second` repeats `input_cost_per_second`; the others are another currency for the same price. */
const DROPPED_FIELDS = new Set(['cost_per_second', 'input_dbu_cost_per_token', 'output_dbu_cost_per_token']);

const { values: flags } = parseArgs({
  options: { from: { type: 'string' }, version: { type: 'string' }, date: { type: 'string' } },
});
function readLocal(file) {
  if (flags.version === undefined || flags.date === undefined) throw new Error('--from needs --version and --date');
  return { json: readFileSync(file, 'utf8'), version: flags.version, date: flags.date };
}

function fetchFromPackage(version) {
  const folder = mkdtempSync(join(tmpdir(), 'catalog-'));
  try {
    const download = ['-m', 'pip', 'download', `litellm==${version}`, '--no-deps', '--only-binary=:all:', '-d', folder];
    execFileSync('python3', download, { stdio: ['ignore', 'ignore', 'inherit'] });
    const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw new Error(`pip fetched no wheel of litellm ${version}`);
    const unzip = `import sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
print("%04d-%02d-%02d" % archive.getinfo(sys.argv[2]).date_time[:3])
sys.stdout.write(archive.read(sys.argv[2]).decode("utf-8"))`;
    const output = execFileSync('python3', ['-c', unzip, join(folder, wheel), MEMBER], {
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
      env: { ...process.env, PYTHONIOENCODING: 'utf-8' },
    });
    const lineEnd = output.indexOf('\n');
    return { json: output.slice(lineEnd + 1), version, date: flags.date ?? output.slice(0, lineEnd).trim() };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Entries of one shape share their column names, equal entries are kept once. */
function compact(published) {
  const wanted = Object.entries(published)
    .filter(([name, entry]) => name !== 'sample_spec' && (MODES.has(entry.mode) || isChatToo(entry)))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const fieldSets = interned();
  const flagSets = interned();
  const records = interned();
  const models = wanted.flatMap(([name, entry]) => {
    const fields = Object.keys(entry)
      .filter((field) => isKept(field, entry[field], name))
      .sort();
    const supports = Object.keys(entry)
      .filter((field) => isFlag(field, entry[field]))
      .sort();
    const record = [
      providerOf(entry),
      entry.mode,
      whole(entry.max_input_tokens ?? entry.max_tokens),
      whole(entry.max_output_tokens ?? entry.max_tokens),
      entry.deprecation_date ?? 0,
      flagSets.indexOf(supports.map((flag) => (entry[flag] ? flag : `!${flag}`))),
      fieldSets.indexOf(fields),
      ...fields.map((field) => entry[field]),
    ];
    return spellingsOf(name, record[0]).map((spelling) => [spelling, records.indexOf(record)]);
  });
  if (models.length < 2_000 || published['gpt-4o'] === undefined)
    throw new Error('This is not the price list expected');
  return { fieldSets: fieldSets.all, flagSets: flagSets.all, records: records.all, models };
}

/** Models that draw or speak in answer to a chat, billed by the token. */
const isChatToo = ({ mode, litellm_provider: provider, output_cost_per_token: price }) =>
  /^(image_generation|audio_speech)$/.test(mode) && /^(gemini|vertex_ai)/.test(provider) && price > 0;

function isKept(field, value, model) {
  if (EXTRA_FIELDS.has(field)) return true;
  const isNumberField = field.includes('cost') || field.includes('uplift_multiplier');
  if (!isNumberField || DROPPED_FIELDS.has(field)) return false;
  if (typeof value !== 'number' || !(value >= 0)) throw new Error(`${model}: ${field} is ${JSON.stringify(value)}`);
  return true;
}

const isFlag = (field, value) =>
  typeof value === 'boolean' && (field.startsWith('supports_') || field === 'thinking_always_on');

const providerOf = (entry) =>
  PROVIDER_PREFIXES.get(entry.litellm_provider) ?? entry.litellm_provider.replace(/^(vertex_ai)-.*$/, '$1');

/** `amazon-nova/NAME` is a model of `amazon_nova`, which is what users write. */
function spellingsOf(name, provider) {
  const [prefix, ...rest] = name.split('/');
  const isOther = prefix !== provider && prefix.replaceAll('-', '_') === provider;
  return rest.length > 0 && isOther ? [name, `${provider}/${rest.join('/')}`] : [name];
}

const whole = (value) => (Number.isInteger(value) && value > 0 ? value : 0);

function interned() {
  const indexByText = new Map();
  const all = [];
  return {
    all,
    indexOf(value) {
      const text = JSON.stringify(value);
      const known = indexByText.get(text);
      if (known !== undefined) return known;
      indexByText.set(text, all.length);
      return all.push(value) - 1;
    },
  };
}

/** One entry a line, for diffs that can be read. */
function render({ fieldSets, flagSets, records, models }, { version, date }) {
  const lines = (list) => `[\n${list.map((item) => JSON.stringify(item)).join(',\n')}\n]`;
  const about = {
    source: `litellm ${version}`,
    date,
    licence: 'MIT, Copyright (c) 2023 Berri AI; see NOTICE',
    record: [
      'provider',
      'mode',
      'maxInputTokens',
      'maxOutputTokens',
      'deprecationDate',
      'flagSet',
      'fieldSet',
      '…fields',
    ],
  };
  const named = models.map(([name, record]) => `${JSON.stringify(name)}:${record}`).join(',\n');
  const prefixes = Object.fromEntries(PROVIDER_PREFIXES);
  return `{"about":${JSON.stringify(about)},
"prefixes":${JSON.stringify(prefixes)},
"fieldSets":${lines(fieldSets)},
"flagSets":${lines(flagSets)},
"records":${lines(records)},
"models":{
${named}
}}
`;
}

const source = flags.from === undefined ? fetchFromPackage(flags.version ?? PINNED_VERSION) : readLocal(flags.from);
const catalog = compact(JSON.parse(source.json));
writeFileSync(OUTPUT, render(catalog, source));
console.log(`${catalog.models.length} models, ${catalog.records.length} distinct entries, dated ${source.date}`);
