/** Which key seals, and which ones open. */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load } from '../../test/support/config-files.ts';
import { keyIdOfSecret } from '../lib/secret-box.ts';
import { secretBoxOf } from './secret-keys.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'tollgate-secrets-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

interface Given {
  readonly salt?: string;
  readonly old?: string;
  readonly master?: string;
}

const boxOf = ({ salt, old, master }: Given) => {
  const general_settings = master === undefined ? {} : { master_key: master };
  const config = load(JSON.stringify({ model_list: [], general_settings, tollgate_settings: { data_dir: dataDir } }));
  return secretBoxOf(config, { saltKey: salt, oldSaltKey: old })();
};
const file = () => join(dataDir, 'secret.key');

test('the salt key seals, and what the master key sealed before still opens', () => {
  const sealed = boxOf({ master: 'sk-master' }).seal('x', 'here');
  const box = boxOf({ master: 'sk-master', salt: 'salt' });
  expect(box.currentKeyId).toBe(keyIdOfSecret('salt'));
  expect(box.open(sealed, 'here')).toBe('x');
  expect(existsSync(file())).toBe(false);
});

test('the key before opens and does not seal', () => {
  const sealed = boxOf({ salt: 'first' }).seal('x', 'here');
  const box = boxOf({ salt: 'second', old: 'first' });
  expect(box.open(sealed, 'here')).toBe('x');
  expect(box.currentKeyId).toBe(keyIdOfSecret('second'));
  expect(() => boxOf({ salt: 'second' }).open(sealed, 'here')).toThrow('LITELLM_SALT_KEY');
});

test('without any key one is made, for its owner’s eyes only, and found again', () => {
  const sealed = boxOf({}).seal('x', 'here');
  expect(statSync(file()).mode & 0o777).toBe(0o600);
  expect(boxOf({}).open(sealed, 'here')).toBe('x');
  expect(boxOf({ salt: 'introduced later' }).open(sealed, 'here')).toBe('x');
});

test('a key file that is empty is no key', () => {
  writeFileSync(file(), '\n');
  expect(() => boxOf({})).toThrow('is empty');
});
