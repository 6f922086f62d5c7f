import { describe, expect, test } from 'bun:test';
import { databasePlace } from '../../test/support/database-place.ts';
import { credentialRow, modelRow } from '../../test/support/entity-rows.ts';
import { createSecretBox, type SecretBox, SecretBoxError } from '../lib/secret-box.ts';
import { credentials } from './credentials.ts';
import { models } from './models.ts';
import { openValues, resealAll, type SealedRow, sealValues } from './sealed-values.ts';
import { EVERYTHING } from './visibility.ts';

const db = databasePlace();

let counter = 0;
const randomBytes = (size: number): Uint8Array => new Uint8Array(size).fill(counter++ % 256);
const OLD = { id: 'old', secret: 'sk-old' };
const NEW = { id: 'new', secret: 'sk-new' };
const oldBox: SecretBox = createSecretBox({ keys: [OLD], current: 'old', randomBytes });
const bothBox: SecretBox = createSecretBox({ keys: [OLD, NEW], current: 'new', randomBytes });
const newBox: SecretBox = createSecretBox({ keys: [NEW], current: 'new', randomBytes });

const MODEL: SealedRow = { table: 'models', id: 'm1' };
const PARAMS = {
  model: 'provider/m',
  api_key: 'sk-secret',
  rpm: 5,
  mock: null,
  extra_headers: { authorization: 'Bearer secret', flags: [true, 'secret in a list'] },
};

describe('values', () => {
  test('are sealed at any depth and open again; what is no text stays', () => {
    const sealed = sealValues(oldBox, MODEL, PARAMS);
    expect(JSON.stringify(sealed)).not.toContain('secret');
    expect(sealed).toMatchObject({ rpm: 5, mock: null, extra_headers: { flags: { 0: true } } });
    expect(openValues(oldBox, MODEL, sealed)).toEqual(PARAMS);
  });

  test('can be sealed in part, by their path', () => {
    const sealed = sealValues(oldBox, MODEL, PARAMS, ([name]) => name !== 'model');
    expect(sealed['model']).toBe('provider/m');
    expect(sealed['api_key']).not.toBe('sk-secret');
    expect(openValues(oldBox, MODEL, sealed)).toEqual(PARAMS);
  });

  test('do not open in another row, table or field, and the error names where', () => {
    const sealed = sealValues(oldBox, MODEL, { api_key: 'sk-secret' });
    for (const [row, values] of [
      [{ table: 'models', id: 'm2' }, sealed],
      [{ table: 'credentials', id: 'm1' }, sealed],
      [MODEL, { api_base: sealed['api_key'] }],
    ] as const) {
      expect(() => openValues(oldBox, row, values)).toThrow(SecretBoxError);
    }
    expect(() => openValues(oldBox, { table: 'models', id: 'm2' }, sealed)).toThrow(/^models "m2", api_key: /);
  });
});

describe('sealing everything anew', () => {
  async function store(): Promise<void> {
    const secret = { api_key: 'sk-secret' };
    const rows = [sealValues(oldBox, MODEL, PARAMS), sealValues(bothBox, { ...MODEL, id: 'm2' }, secret)];
    for (const [at, params] of rows.entries()) {
      await models.insert(db(), modelRow(`m${at + 1}`, { litellm_params: JSON.stringify(params) }));
    }
    await models.insert(db(), modelRow('m3', { litellm_params: '{"model":"plain"}' }));
    const values = JSON.stringify(sealValues(oldBox, { table: 'credentials', id: 'c' }, secret));
    await credentials.insert(db(), credentialRow('c', { credential_values: values }));
  }

  test('leaves nothing under the old key, and counts', async () => {
    await store();
    expect(await resealAll(db(), bothBox)).toEqual({ models: 1, credentials: 1, values: 5 });
    for (const [id, expected] of [
      ['m1', PARAMS],
      ['m2', { api_key: 'sk-secret' }],
      ['m3', { model: 'plain' }],
    ] as const) {
      const row = await models.find(db(), id, EVERYTHING);
      expect(openValues(newBox, { table: 'models', id }, JSON.parse(row?.litellm_params ?? ''))).toEqual(expected);
    }
    expect(await resealAll(db(), newBox)).toEqual({ models: 0, credentials: 0, values: 0 });
  });

  test('that meets a value it cannot open changes nothing at all and says which', async () => {
    await store();
    await credentials.change(db(), 'c', EVERYTHING, (row) => ({
      credential_values: row.credential_values.replaceAll('v1:old:', 'v1:lost:'),
    }));
    const before = await models.list(db(), { visibility: EVERYTHING, limit: 9 });
    await expect(resealAll(db(), bothBox)).rejects.toThrow(/^credentials "c", api_key: .*"lost"/);
    expect(await models.list(db(), { visibility: EVERYTHING, limit: 9 })).toEqual(before);
  });
});
