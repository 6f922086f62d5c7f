import { describe, expect, test } from 'bun:test';
import { databasePlace } from '../../test/support/database-place.ts';
import { liveModels } from '../../test/support/live-models.ts';
import { type SettingsLayer, STORED_SETTINGS } from '../admin/run-time-settings.ts';
import { writeSetting } from '../db/settings.ts';
import { GatewayError } from '../errors.ts';

const db = databasePlace();
const deployment = (name: string) => ({ model_name: name, litellm_params: { model: `openai/${name}`, api_key: 'k' } });
const open = async (stored?: SettingsLayer) => {
  if (stored) await writeSetting(db(), STORED_SETTINGS, JSON.stringify(stored));
  return liveModels(db(), {
    sections: { model_list: [deployment('a'), deployment('b')], router_settings: { num_retries: 4 } },
  });
};

function refusalOf(check: () => unknown): string {
  try {
    check();
  } catch (cause) {
    if (cause instanceof GatewayError) return cause.message;
    throw cause;
  }
  throw new Error('It was accepted.');
}

describe('a setting made at run time', () => {
  test('is served when it is applied, and not when it is only checked', async () => {
    const { live, settings } = await open();
    const checked = settings.check({ router_settings: { num_retries: 1 } });
    expect([live.runtime.config.router.numRetries, settings.stored()]).toEqual([4, {}]);
    checked.apply();
    expect(live.runtime.config.router.numRetries).toBe(1);
    expect(settings.stored()).toEqual({ router_settings: { num_retries: 1 } });
    settings.check({}).apply();
    expect(live.runtime.config.router.numRetries).toBe(4);
  });

  test('that was stored is served from the start', async () => {
    const { live, settings } = await open({ router_settings: { num_retries: 0 } });
    expect([live.runtime.config.router.numRetries, settings.fault()]).toEqual([0, null]);
  });

  test('that does not fit any more is left out, and the others are not', async () => {
    const { live, settings } = await open({ router_settings: { num_retries: 0, fallbacks: [{ a: ['gone'] }] } });
    expect(live.runtime.config.router).toMatchObject({ numRetries: 0, fallbacks: {} });
    expect(settings.fault()).toContain('router_settings.fallbacks');
    expect(settings.fault()).not.toContain('num_retries');
  });

  const REFUSED: readonly (readonly [SettingsLayer, string])[] = [
    [
      { router_settings: { num_retries: -1 } },
      "'router_settings.num_retries' must be a whole number, 0 or more, not the number -1.",
    ],
    [
      { router_settings: { num_retires: 1 } },
      `'router_settings.num_retires' nobody knows this key. Did you mean "num_retries"?`,
    ],
    [
      { general_settings: { master_key: 'sk' } },
      "'general_settings.master_key' is a secret, or is read at the start only: set it in the configuration file.",
    ],
    [
      { litellm_settings: { model_alias_map: { x: ' os.environ/X' } } },
      "'litellm_settings.model_alias_map' cannot refer to the environment at run time: write the value, or set it in the file.",
    ],
    [
      { router_settings: { redis_host: 'h' } },
      "'router_settings.redis_host' LiteLLM has this key; Tollgate does not act on it yet.",
    ],
  ];
  test.each(REFUSED)('of %j is refused, and nothing changes', async (layer, message) => {
    const { live, settings } = await open();
    expect(refusalOf(() => settings.check(layer))).toBe(message);
    expect([live.runtime.config.router.numRetries, settings.stored()]).toEqual([4, {}]);
  });

  test('is told apart from those of the file', async () => {
    const { settings } = await open({ router_settings: { timeout: 9 } });
    const fields = settings.fields().filter(({ name }) => ['num_retries', 'timeout', 'master_key'].includes(name));
    expect(
      fields.map(({ section, name, value, isStored, isChangeable }) => ({
        section,
        name,
        value,
        isStored,
        isChangeable,
      })),
    ).toContainEqual({
      section: 'router_settings',
      name: 'num_retries',
      value: 4,
      isStored: false,
      isChangeable: true,
    });
    expect(fields.find(({ name }) => name === 'timeout')).toMatchObject({ isStored: true, kind: 'duration' });
    expect(fields.find(({ name }) => name === 'master_key')).toMatchObject({ isChangeable: false, value: '********' });
  });

  test('is changed one after the other, also after one that failed', async () => {
    const { settings } = await open();
    const order: string[] = [];
    const failing = settings.inTurn(async () => {
      order.push('first');
      await Promise.resolve();
      order.push('first ends');
      throw new Error('no');
    });
    const second = settings.inTurn(async () => order.push('second'));
    await expect(failing).rejects.toThrow('no');
    await second;
    expect(order).toEqual(['first', 'first ends', 'second']);
  });
});
