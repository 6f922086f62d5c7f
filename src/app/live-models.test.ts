/** What is served: the file, what is stored, and what of both is left out. */
import { beforeEach, describe, expect, test } from 'bun:test';
import { load } from '../../test/support/config-files.ts';
import { databasePlace } from '../../test/support/database-place.ts';
import { credentialRow, modelRow } from '../../test/support/entity-rows.ts';
import { liveModels, type ModelsOptions } from '../../test/support/live-models.ts';
import { credentials } from '../db/credentials.ts';
import { type ModelRow, models } from '../db/models.ts';
import { sealValues } from '../db/sealed-values.ts';
import { EVERYTHING } from '../db/visibility.ts';

const db = databasePlace();
let warned: { id: string; reason: string }[];
beforeEach(() => {
  warned = [];
});

const open = (options: ModelsOptions = {}) =>
  liveModels(db(), {
    ...options,
    warn: (line) => {
      const { id, reason } = JSON.parse(line) as { id: string; reason: string };
      warned.push({ id, reason });
    },
  });

const FILE = {
  model_list: [{ model_name: 'file', litellm_params: { model: 'openai/f', api_key: 'k' }, model_info: { id: 'f-1' } }],
};

const add = (id: string, params: object | string, over: Partial<ModelRow> = {}): Promise<unknown> =>
  models.insert(
    db(),
    modelRow(id, {
      model_name: id,
      litellm_params: typeof params === 'string' ? params : JSON.stringify(params),
      ...over,
    }),
  );

const credential = (name: string, values: object | string): Promise<unknown> =>
  credentials.insert(
    db(),
    credentialRow(`id-${name}`, {
      credential_name: name,
      credential_values: typeof values === 'string' ? values : JSON.stringify(values),
    }),
  );

const OPENAI = { model: 'openai/x', api_key: 'k' };

describe('what is served', () => {
  test('is the file first, then what is stored, oldest first', async () => {
    await add('late', OPENAI, { created_at_ms: 20 });
    await add('early', OPENAI, { created_at_ms: 10 });
    const { live } = await open({ sections: FILE });
    expect(live.runtime.config.deployments.map(({ id }) => id)).toEqual(['f-1', 'early', 'late']);
    expect(warned).toEqual([]);
  });

  test('is the file alone where storing models is turned off', async () => {
    await add('stored', OPENAI);
    const { live, registry } = await open({
      sections: { ...FILE, general_settings: { master_key: 'sk-of-the-tests', store_model_in_db: false } },
    });
    expect(live.runtime.config.deployments.map(({ id }) => id)).toEqual(['f-1']);
    expect(registry.isOpen()).toBe(false);
    expect(registry.listings().map(({ id, fault }) => [id, fault])).toEqual([
      ['f-1', null],
      ['stored', 'general_settings.store_model_in_db is false'],
    ]);
  });

  test('changes with a refresh, and not before it', async () => {
    const { live } = await open({ sections: FILE });
    await add('stored', OPENAI);
    expect(live.runtime.groups.find('stored')).toBeUndefined();
    await live.refresh();
    expect(live.runtime.groups.find('stored')?.targets.map(({ upstreamModel }) => upstreamModel)).toEqual(['x']);
  });

  test('is read once for all that ask while one waits', async () => {
    const { live } = await open({ sections: FILE });
    const [first, second] = [live.refresh(), live.refresh()];
    expect(second).toBe(first);
    await first;
    expect(live.refresh()).not.toBe(first);
  });

  test('keeps what is stored through a reload of the file', async () => {
    await add('stored', OPENAI);
    const { live } = await open({ sections: FILE });
    live.reload(load('model_list: [{model_name: new, litellm_params: {model: openai/n, api_key: k}}]'));
    expect(live.runtime.config.deployments.map(({ modelName }) => modelName)).toEqual(['new', 'stored']);
  });

  test('is not what a check has read, nor what failed to load', async () => {
    const { live } = await open({ sections: FILE });
    live.check(load('model_list: [{model_name: new, litellm_params: {model: openai/n, api_key: k}}]'));
    const bad = load('model_list: [{model_name: bad, litellm_params: {model: no-such-model-at-all}}]');
    expect(() => live.check(bad)).toThrow('cannot tell the provider of model "no-such-model-at-all"');
    expect(() => live.reload(bad)).toThrow('cannot tell the provider of model "no-such-model-at-all"');
    expect(live.runtime.config.deployments.map(({ id }) => id)).toEqual(['f-1']);
  });
});

describe('a stored model that cannot be used', () => {
  const UNREADABLE = 'its stored parameters cannot be read; delete it and add it again';
  const NO_CREDENTIAL = 'there is no credential "main"; add it with POST /credentials or in credential_list';
  const faults: readonly (readonly [string, object | string, Partial<ModelRow>, string])[] = [
    ['holds no JSON', '{', {}, UNREADABLE],
    ['holds a list', '[]', {}, UNREADABLE],
    ['holds null', 'null', {}, UNREADABLE],
    ['has model_info that is no JSON', OPENAI, { model_info: '{' }, 'its stored model_info cannot be read'],
    [
      'has no model',
      { api_key: 'k' },
      {},
      'litellm_params.model: is missing; it names the provider and the model, such as provider/model',
    ],
    [
      'has a wrong value',
      { ...OPENAI, timeout: 0 },
      {},
      'litellm_params.timeout: must be a number of seconds, more than 0, not the number 0',
    ],
    [
      'has a misspelt key',
      { ...OPENAI, api_kye: 'k' },
      {},
      'litellm_params.api_kye: looks like a typing error. Did you mean "api_key"?',
    ],
    [
      'wants a secret of the gateway',
      { model: 'openai/x', api_key: 'os.environ/DATABASE_URL' },
      {},
      'litellm_params: DATABASE_URL is a secret of the gateway itself and goes to no provider',
    ],
    ['has a provider of later', { model: 'triton/x' }, {}, 'the provider "triton" is not supported yet'],
    ['refers to a credential that is not there', { ...OPENAI, litellm_credential_name: 'main' }, {}, NO_CREDENTIAL],
    [
      'has an unclear provider',
      { model: 'no-such-model-at-all' },
      {},
      'cannot tell the provider of model "no-such-model-at-all"; write it as provider/model, such as openai/no-such-model-at-all.',
    ],
  ];

  test.each(faults)(
    'because it %s is left out with the reason, and nothing else is',
    async (_, params, over, reason) => {
      await add('broken', params, over);
      await add('sound', OPENAI);
      const { live, registry } = await open({ sections: FILE });
      expect(live.runtime.config.deployments.map(({ id }) => id)).toEqual(['f-1', 'sound']);
      expect(warned).toEqual([{ id: 'broken', reason }]);
      expect(registry.listings().find(({ id }) => id === 'broken')?.fault).toBe(reason);
    },
  );

  test('is warned of once, and again only when it has been well in between', async () => {
    await add('broken', '{');
    const { live } = await open({ sections: FILE });
    await live.refresh();
    expect(warned).toHaveLength(1);
    await models.change(db(), 'broken', EVERYTHING, () => ({ litellm_params: JSON.stringify(OPENAI) }));
    await live.refresh();
    await models.change(db(), 'broken', EVERYTHING, () => ({ litellm_params: '[' }));
    await live.refresh();
    expect(warned.map(({ id }) => id)).toEqual(['broken', 'broken']);
  });

  test('because the file has its id gives way to the file', async () => {
    await add('f-1', OPENAI);
    const { live } = await open({ sections: FILE });
    expect(live.runtime.config.deployments.map(({ modelName }) => modelName)).toEqual(['file']);
    expect(warned).toEqual([{ id: 'f-1', reason: 'another deployment has the id "f-1"' }]);
  });

  test('because it is blocked is no fault, and its name is known as blocked', async () => {
    await add('held', OPENAI, { blocked: 1 });
    const { live, registry } = await open({ sections: FILE });
    expect(live.runtime.groups.find('held')).toBeUndefined();
    expect(live.current.composed.blocked).toEqual(['held']);
    expect(warned).toEqual([]);
    expect(registry.listings()[1]).toMatchObject({ id: 'held', isBlocked: true, fault: null, facts: { key: 'x' } });
  });
});

describe('a credential', () => {
  const NAMED = { model: 'openai/x', litellm_credential_name: 'main' };
  const keyOf = async (options: ModelsOptions = {}) => (await open(options)).live.runtime.groups.find('m')?.targets[0];

  test('that is stored and sealed fills in what the model does not say itself', async () => {
    const { live } = await open();
    const sealed = sealValues(
      live.box(),
      { table: 'credentials', id: 'id-main' },
      { api_key: 'sealed', api_base: 'http://a/v1' },
    );
    await credential('main', sealed);
    await add('m', { ...NAMED, api_base: 'http://own/v1' });
    expect(await keyOf()).toMatchObject({ apiKey: 'sealed', baseUrl: 'http://own/v1' });
  });

  test('of the file goes before a stored one of the same name', async () => {
    await credential('main', { api_key: 'stored' });
    await add('m', NAMED);
    const credential_list = [{ credential_name: 'main', credential_values: { api_key: 'of the file' } }];
    expect((await keyOf({ sections: { credential_list } }))?.apiKey).toBe('of the file');
  });

  test('has its headers joined with those of the model, which win', async () => {
    await credential('main', { api_key: 'k', extra_headers: { a: '1', b: '1' } });
    await add('m', { ...NAMED, extra_headers: { b: '2', c: '2' } });
    expect((await keyOf())?.extraHeaders).toEqual({ a: '1', b: '2', c: '2' });
  });

  test.each([
    [
      'is no JSON',
      '{',
      'the credential "main" cannot be used: its stored parameters cannot be read; delete it and add it again',
    ],
    [
      'has a wrong key',
      { api_kye: 'k' },
      'the credential "main": credential_values.api_kye: nobody knows this key. Did you mean "api_key"?',
    ],
  ] as const)('that %s says so at the models that refer to it', async (_, values, reason) => {
    await credential('main', values);
    await add('m', NAMED);
    expect(await keyOf()).toBeUndefined();
    expect(warned).toEqual([{ id: 'm', reason }]);
  });

  test('that the file refers to and nobody has leaves that deployment out, not the others', async () => {
    const model_list = [...FILE.model_list, { model_name: 'm', litellm_params: NAMED, model_info: { id: 'm-1' } }];
    expect(await keyOf({ sections: { model_list } })).toBeUndefined();
    expect(warned.map(({ id }) => id)).toContain('m-1');
    expect((await open({ sections: { model_list } })).live.runtime.groups.find('file')?.targets).toHaveLength(1);
  });

  test('whose seal was made for another row does not open', async () => {
    const { live } = await open();
    await credential('main', sealValues(live.box(), { table: 'credentials', id: 'other' }, { api_key: 'secret' }));
    await add('m', NAMED);
    expect(await keyOf()).toBeUndefined();
    expect(warned).toHaveLength(1);
    expect(warned[0]?.reason).toStartWith('the credential "main" cannot be used: credentials "id-main", api_key: ');
    expect(warned[0]?.reason).not.toContain('secret"');
  });
});
