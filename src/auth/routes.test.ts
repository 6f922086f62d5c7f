import { describe, expect, test } from 'bun:test';
import { createRouter, SERVED_PATHS } from '../http/routes.ts';
import { MANAGEMENT_ROUTES, mayCall, permissionOf, ROUTES, refuseUndeclared } from './routes.ts';

describe('the table of routes', () => {
  const router = createRouter(MANAGEMENT_ROUTES);

  for (const { method, path } of ROUTES) {
    test(`${method} ${path} is served`, () => {
      const asked = path
        .replace(/\{[a-z_]+\}/g, 'x')
        .replace(/^\/(engines|openai\/deployments)\/\*$/, '/$1/m/chat/completions');
      expect(router.match(asked.replace('/*', '/m'))?.methods).toContain(method);
    });
  }

  test('declares everything that is served', () => {
    refuseUndeclared([...SERVED_PATHS, ...MANAGEMENT_ROUTES]);
  });

  test('stops the start for a route that nobody has declared, and names it', () => {
    expect(() => refuseUndeclared([...SERVED_PATHS, { method: 'POST', path: '/key/steal' }])).toThrow(
      'POST /key/steal',
    );
    expect(() => refuseUndeclared([{ method: 'DELETE', path: '/key/info' }])).toThrow('DELETE /key/info');
  });

  test('says nothing of what is not served, so nobody may', () => {
    for (const path of ['/key', '/key/', '/key/generate/', '/KEY/generate', '/config/reload', '/metrics']) {
      expect(permissionOf('POST', path)).toBeUndefined();
    }
    expect(permissionOf('GET', '/key/generate')).toBeUndefined();
  });

  test('gives no management route to everybody', () => {
    expect(MANAGEMENT_ROUTES.filter(({ permission }) => permission === 'infer')).toEqual([]);
  });
});

describe('allowed_routes of a key', () => {
  const cases: [readonly string[], string, boolean][] = [
    [[], '/v1/chat/completions', true],
    [['/v1/chat/completions'], '/v1/chat/completions', true],
    [['/v1/chat/completions'], '/chat/completions', false],
    [['/v1/*'], '/v1/models', true],
    [['/v1/*'], '/v1', false],
    [['/v1/*'], '/v11/models', false],
    [['*'], '/key/info', true],
    [['llm_api_routes'], '/engines/gpt-4o/chat/completions', true],
    [['llm_api_routes'], '/openai/deployments/m/chat/completions', true],
    [['llm_api_routes'], '/utils/token_counter', true],
    [['openai_routes'], '/utils/transform_request', true],
    [['management_routes'], '/utils/token_counter', false],
    [['llm_api_routes'], '/key/info', false],
    [['openai_routes'], '/v1/models/gpt-4o', true],
    [['management_routes'], '/key/generate', true],
    [['management_routes'], '/v1/chat/completions', false],
    [['info_routes'], '/key/info', true],
    [['info_routes'], '/spend/logs', true],
    [['info_routes'], '/chat/completions', false],
    [['spend_tracking_routes', '/models'], '/models', true],
    [['global_spend_tracking_routes'], '/global/spend', true],
    [['global_spend_tracking_routes', 'spend_tracking_routes', 'info_routes'], '/global/spend/reset', false],
    [['/global/spend/reset'], '/global/spend/reset', true],
    [['no_such_group'], '/models', false],
    [['constructor'], '/models', false],
    [['__proto__'], '/models', false],
  ];
  for (const [routes, path, expected] of cases) {
    test(`[${routes.join(', ')}] ${expected ? 'covers' : 'does not cover'} ${path}`, () => {
      expect(mayCall(routes, path)).toBe(expected);
    });
  }
});
