import { describe, expect, test } from 'bun:test';
import { findingsOf } from '../../test/support/config-files.ts';
import { IGNORED_GENERAL, IGNORED_LITELLM, IGNORED_ROUTER, IGNORED_TOP_LEVEL } from './known-keys.ts';
import { GENERAL, LITELLM, ROUTER, TOP_LEVEL } from './schema.ts';

const TABLES = [
  ['', IGNORED_TOP_LEVEL, TOP_LEVEL],
  ['router_settings', IGNORED_ROUTER, ROUTER],
  ['litellm_settings', IGNORED_LITELLM, LITELLM],
  ['general_settings', IGNORED_GENERAL, GENERAL],
] as const;

describe('the keys of LiteLLM that nothing acts on yet', () => {
  test.each(TABLES)('of section "%s" do nothing else already, and stand there once', (_, names, { honoured }) => {
    expect(names.filter((name) => Object.hasOwn(honoured, name))).toEqual([]);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
    expect(names.filter((name) => !/^[a-z][a-z0-9_]*$/.test(name))).toEqual([]);
  });

  test.each(TABLES)('of section "%s" are named in a report, and stop no start', (section, names) => {
    const written = Object.fromEntries(names.map((name) => [name, 'anything']));
    const file = { model_list: [], ...(section === '' ? written : { [section]: written }) };
    const found = findingsOf(JSON.stringify(file));
    expect(found.filter(({ level }) => level === 'error' || level === 'unknown')).toEqual([]);
    const ignored = found.filter(({ level }) => level === 'ignored').map(({ path }) => path);
    expect(ignored.toSorted()).toEqual(names.map((name) => (section ? `${section}.${name}` : name)).toSorted());
  });
});
