import { describe, expect, test } from 'bun:test';
import { createCors } from './cors.ts';

const asking = (origin: string | undefined, headers: Record<string, string> = {}): Request =>
  new Request('http://gateway.example/v1/models', {
    method: 'OPTIONS',
    headers: { ...(origin !== undefined && { origin }), ...headers },
  });

describe('a preflight', () => {
  test('is answered as LiteLLM answers it, for any origin', async () => {
    const asked = {
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization, x-mine',
    };
    const answer = createCors(['*']).preflight(asking('https://app.example', asked));
    expect([answer.status, await answer.text()]).toEqual([200, 'OK']);
    expect(Object.fromEntries(answer.headers)).toEqual({
      'access-control-allow-origin': 'https://app.example',
      'access-control-allow-methods': 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT',
      'access-control-allow-headers': 'authorization, x-mine',
      'access-control-allow-credentials': 'true',
      'access-control-max-age': '600',
      vary: 'Origin',
    });
  });

  test('names no headers when none were asked for', () => {
    expect(createCors(['*']).preflight(asking('https://app.example')).headers.has('access-control-allow-headers')).toBe(
      false,
    );
  });

  test('from an origin that is not on the list is refused', async () => {
    const cors = createCors(['https://app.example']);
    expect(cors.preflight(asking('https://app.example')).status).toBe(200);
    for (const origin of ['https://evil.example', 'https://app.example.evil', undefined]) {
      const answer = cors.preflight(asking(origin));
      expect([answer.status, await answer.text()]).toEqual([400, 'Disallowed CORS origin']);
      expect(answer.headers.has('access-control-allow-origin')).toBe(false);
    }
  });
});

describe('an answer', () => {
  const decorated = (origins: readonly string[], origin: string): Record<string, string> => {
    const headers = new Headers();
    createCors(origins).decorate(headers, origin);
    return Object.fromEntries(headers);
  };

  test('may be read by any page, or by those on the list', () => {
    const rest = { 'access-control-allow-credentials': 'true', 'access-control-expose-headers': '*' };
    expect(decorated(['*'], 'https://app.example')).toEqual({ 'access-control-allow-origin': '*', ...rest });
    expect(decorated(['https://app.example'], 'https://app.example')).toEqual({
      'access-control-allow-origin': 'https://app.example',
      ...rest,
    });
  });

  test('says nothing to others', () => {
    expect(decorated(['https://app.example'], 'https://evil.example')).toEqual({});
    expect(decorated([], 'https://app.example')).toEqual({});
  });
});
