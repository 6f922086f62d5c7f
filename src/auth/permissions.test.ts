import { describe, expect, test } from 'bun:test';
import { sampleCaller } from '../../test/support/callers.ts';
import { refusalOf } from '../../test/support/refusals.ts';
import { createRouter } from '../http/routes.ts';
import {
  ADMIN_PATHS,
  MANAGEMENT_ROUTES,
  mayCall,
  permissionOf,
  ROUTES,
  requirePermission,
  roleOf,
} from './permissions.ts';

const admin = sampleCaller({ kind: 'master' });
const key = sampleCaller();

/** Written apart from the table on purpose: a slip there must not change what it is examined by. */
const EXPECTED: Readonly<Record<string, string>> = {
  'GET /': 'public',
  'GET /health/liveliness': 'public',
  'GET /health/liveness': 'public',
  'GET /health/readiness': 'public',
  'POST /v1/chat/completions': 'key',
  'POST /chat/completions': 'key',
  'POST /engines/gpt-4o/chat/completions': 'key',
  'POST /openai/deployments/org/model/chat/completions': 'key',
  'GET /v1/models': 'key',
  'GET /models': 'key',
  'GET /v1/models/gpt-4o': 'key',
  'GET /models/org/model': 'key',
  'POST /key/generate': 'admin',
  'POST /key/update': 'admin',
  'POST /key/delete': 'admin',
  'POST /key/block': 'admin',
  'POST /key/unblock': 'admin',
  'GET /key/list': 'admin',
  'GET /key/info': 'own',
  'GET /spend/logs': 'own',
  'GET /spend/logs/v2': 'own',
};

describe('the table of routes', () => {
  for (const [route, permission] of Object.entries(EXPECTED)) {
    const [method = '', path = ''] = route.split(' ');
    test(`${route} needs ${permission}`, () => expect(permissionOf(method, path)).toBe(permission as never));
    test(`${route} is served`, () => expect(createRouter(ADMIN_PATHS).match(path)?.methods).toContain(method));
  }

  test('has no route beyond those', () => expect(ROUTES).toHaveLength(Object.keys(EXPECTED).length));

  test('says nothing of what is not served, so nobody may', () => {
    for (const path of [
      '/key',
      '/key/',
      '/key/generate/',
      '/KEY/generate',
      '/key/regenerate',
      '/config/update',
      '/metrics',
    ]) {
      expect(permissionOf('POST', path)).toBeUndefined();
    }
    expect(permissionOf('GET', '/key/generate')).toBeUndefined();
  });

  test('gives no management route to everybody', () => {
    expect(MANAGEMENT_ROUTES.filter(({ permission }) => permission === 'public' || permission === 'key')).toEqual([]);
  });
});

describe('who holds a permission', () => {
  test('roles', () => {
    expect([roleOf(undefined), roleOf(key), roleOf(admin)]).toEqual(['anonymous', 'key', 'admin']);
  });

  test('the admin may all, a key all but what is the admin’s', async () => {
    for (const { path, permission } of ROUTES) {
      requirePermission(admin, permission, path);
      if (permission !== 'admin') requirePermission(key, permission, path);
      else {
        const error = await refusalOf(() => requirePermission(key, permission, path));
        expect([error.status, error.kind]).toEqual([403, 'permission_denied']);
        expect(error.message).toContain(path);
      }
    }
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
    [['llm_api_routes'], '/key/info', false],
    [['openai_routes'], '/v1/models/gpt-4o', true],
    [['management_routes'], '/key/generate', true],
    [['management_routes'], '/v1/chat/completions', false],
    [['info_routes'], '/key/info', true],
    [['info_routes'], '/spend/logs', true],
    [['info_routes'], '/chat/completions', false],
    [['spend_tracking_routes', '/models'], '/models', true],
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
