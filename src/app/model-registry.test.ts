import { describe, expect, test } from 'bun:test';
import { databasePlace } from '../../test/support/database-place.ts';
import { modelRow } from '../../test/support/entity-rows.ts';
import { liveModels } from '../../test/support/live-models.ts';
import { models } from '../db/models.ts';
import { GatewayError } from '../errors.ts';

const db = databasePlace();
const open = async () =>
  (
    await liveModels(db(), {
      sections: {
        model_list: [
          {
            model_name: 'file',
            litellm_params: { model: 'openai/f', litellm_credential_name: 'main' },
            model_info: { id: 'f-1', team: 'x' },
          },
        ],
        credential_list: [
          { credential_name: 'main', credential_values: { api_key: 'sk-main' }, credential_info: { of: 'us' } },
        ],
      },
    })
  ).registry;

const entry = (params: object, id = 'new') => ({ id, modelName: 'm', params: { ...params }, info: {} });

function refusalOf(check: () => unknown): string {
  try {
    check();
  } catch (cause) {
    if (cause instanceof GatewayError) return cause.message;
    throw cause;
  }
  throw new Error('It was accepted.');
}

describe('a model that is to be added', () => {
  test.each<[object, readonly string[]]>([
    [{ model: 'openai/x', api_key: 'k' }, []],
    [{ model: 'openai/x', litellm_credential_name: 'main' }, []],
    [
      { model: 'openai/x', api_key: 'k', max_retries: 1, prompt_id: 'p' },
      ['stored but not enforced yet: litellm_params.max_retries, litellm_params.prompt_id'],
    ],
    [
      { model: 'openai/x', api_key: 'os.environ/NOT_SET' },
      ['not set in the environment of the gateway, so not given: NOT_SET'],
    ],
  ])('as %j is accepted with %j', async (params, told) => {
    expect((await open()).check(entry(params))).toEqual(told);
  });

  test.each<[object, string]>([
    [{ model: 'openai/x', rpm: -1 }, "'litellm_params.rpm': must be a whole number, 0 or more, not the number -1."],
    [
      { model: 'openai/x', api_kye: 'k' },
      `'litellm_params.api_kye': looks like a typing error. Did you mean "api_key"?`,
    ],
    [
      { model: 'openai/x', litellm_credential_name: 'none' },
      'there is no credential "none"; add it with POST /credentials or in credential_list.',
    ],
    [{ model: 'triton/x' }, 'the provider "triton" is not supported yet.'],
  ])('as %j is refused', async (params, message) => {
    const registry = await open();
    expect(refusalOf(() => registry.check(entry(params)))).toBe(message);
  });

  test('may not take the id of one of the file', async () => {
    const registry = await open();
    expect(refusalOf(() => registry.check(entry({ model: 'openai/x', api_key: 'k' }, 'f-1')))).toBe(
      'another deployment has the id "f-1".',
    );
    expect([registry.isConfigured('f-1'), registry.isConfigured('new')]).toEqual([true, false]);
  });
});

describe('what the file has', () => {
  test('are credentials without their values, and those who use them', async () => {
    const registry = await open();
    expect(registry.configuredCredentials()).toEqual([{ name: 'main', info: { of: 'us' } }]);
    expect(registry.configuredUsers('main')).toEqual(['file']);
    expect(registry.configuredUsers('other')).toEqual([]);
  });
});

describe('a credential that is to be added', () => {
  test('is read as one of the file', async () => {
    const registry = await open();
    expect(registry.checkCredential({ api_key: 'k' })).toBeUndefined();
    expect(refusalOf(() => registry.checkCredential({ api_kye: 'k' }))).toBe(
      `'credential_values.api_kye': nobody knows this key. Did you mean "api_key"?`,
    );
  });
});

describe('a listing', () => {
  test('shows what is stored without its secrets, also those in digits, and who made it', async () => {
    const params = JSON.stringify({ model: 'openai/x', api_key: 12_345_678_901_234, rpm: 5 });
    const stamps = { created_at_ms: 5, updated_at_ms: 6, created_by: 'u', updated_by: 'v' };
    await models.insert(db(), modelRow('s-1', { model_name: 's', litellm_params: params, ...stamps }));
    const [file, stored] = (await open()).listings();
    expect(file).toMatchObject({ id: 'f-1', isStored: false, isBlocked: false, fault: null, stamps: null });
    expect(file?.params).toEqual({ model: 'openai/f', litellm_credential_name: 'main' });
    expect(stored).toMatchObject({
      id: 's-1',
      isStored: true,
      params: { model: 'openai/x', rpm: 5 },
      stamps: { createdAtMs: 5, updatedAtMs: 6, createdBy: 'u', updatedBy: 'v' },
    });
    expect(JSON.stringify(stored)).not.toContain('12345678901234');
  });
});
