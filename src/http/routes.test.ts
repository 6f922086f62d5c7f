import { describe, expect, test } from 'bun:test';
import { createRouter, pathOf } from './routes.ts';

const router = createRouter([{ method: 'POST', path: '/key/generate' }]);

describe('a path', () => {
  test.each([
    ['/v1/chat/completions', 'chat', 'POST'],
    ['/chat/completions', 'chat', 'POST'],
    ['/v1/models', 'models', 'GET'],
    ['/models', 'models', 'GET'],
    ['/health/liveliness', 'liveliness', 'GET,HEAD'],
    ['/health/liveness', 'liveliness', 'GET,HEAD'],
    ['/health/readiness', 'readiness', 'GET,HEAD'],
    ['/', 'admin', 'GET,HEAD'],
    ['/docs', 'admin', 'GET,HEAD'],
    ['/openapi.json', 'admin', 'GET,HEAD'],
    ['/routes', 'admin', 'GET,HEAD'],
    ['/key/generate', 'admin', 'POST'],
  ])('%s leads to %s by %s', (path, name, methods) => {
    const match = router.match(path);
    expect<unknown>([match?.name, match?.methods.join(), match?.model]).toEqual([name, methods, undefined]);
  });

  test.each([
    ['/engines/gpt-4/chat/completions', 'chat', 'gpt-4'],
    ['/openai/deployments/gpt-4/chat/completions', 'chat', 'gpt-4'],
    ['/openai/deployments/meta/llama-3/chat/completions', 'chat', 'meta/llama-3'],
    ['/openai/deployments/meta%2Fllama-3/chat/completions', 'chat', 'meta/llama-3'],
    ['/engines/a%20b/chat/completions', 'chat', 'a b'],
    ['/engines/100%/chat/completions', 'chat', '100%'],
    ['/v1/models/openai/gpt-4', 'model', 'openai/gpt-4'],
    ['/models/ft%3Agpt%3Ax', 'model', 'ft:gpt:x'],
  ])('%s leads to %s of the model %s', (path, name, model) => {
    expect(router.match(path)).toMatchObject({ name, model });
  });

  test.each([
    '/v1/chat',
    '/v1/chat/completions/x',
    '//v1/models',
    '/V1/models',
    '/engines//chat/completions',
    '/key',
    '',
    'constructor',
  ])('%j leads nowhere', (path) => {
    expect(router.match(path)).toBeUndefined();
  });
});

describe('the path of an address', () => {
  test.each([
    ['http://h:4000/v1/models', '/v1/models'],
    ['http://h:4000/v1/models/', '/v1/models'],
    ['http://h:4000/v1/models?a=/b/', '/v1/models'],
    ['http://h:4000/v1/models/?a=1', '/v1/models'],
    ['http://h:4000/', '/'],
    ['http://h:4000', '/'],
    ['http://h:4000/?a=1', '/'],
    ['http://h/a%2Fb/c', '/a%2Fb/c'],
    ['https://[::1]:4000/x', '/x'],
  ])('%s is %s', (url, path) => {
    expect(pathOf(url)).toBe(path);
  });
});
