import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { refusalOf } from '../../test/support/refusals.ts';
import { errorBody } from '../errors.ts';
import type { HeaderBag } from '../gateway/call.ts';
import { credentialFrom } from './credentials.ts';

const KEY = 'sk-one-of-the-tests';
const OTHER = 'sk-another-of-the-tests';
const keyIn = (headers: HeaderBag, keyHeaderName?: string): string => credentialFrom(headers, { keyHeaderName });
const refused = (headers: HeaderBag, keyHeaderName?: string) => refusalOf(() => keyIn(headers, keyHeaderName));

describe('where a key may stand', () => {
  const accepted: [string, HeaderBag][] = [
    ['Authorization with Bearer', { authorization: `Bearer ${KEY}` }],
    ['Authorization with bearer in small letters', { authorization: `bearer ${KEY}` }],
    ['Authorization with Basic', { authorization: `Basic ${KEY}` }],
    ['Authorization with more than one space', { authorization: `Bearer   ${KEY} ` }],
    [
      'the form of a signed AWS request',
      {
        authorization: `AWS4-HMAC-SHA256 Credential=Bearer ${KEY}/20260101/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=0a`,
      },
    ],
    ['x-litellm-api-key, bare', { 'x-litellm-api-key': KEY }],
    ['x-litellm-api-key with Bearer', { 'x-litellm-api-key': `Bearer ${KEY}` }],
    ['api-key, as the Azure client sends', { 'api-key': KEY }],
    ['x-api-key, as the Anthropic client sends', { 'x-api-key': KEY }],
    ['x-goog-api-key', { 'x-goog-api-key': KEY }],
    ['Ocp-Apim-Subscription-Key', { 'ocp-apim-subscription-key': KEY }],
  ];
  for (const [where, headers] of accepted) {
    test(where, () => expect(keyIn(headers)).toBe(KEY));
  }
});

describe('precedence', () => {
  const ORDER = [
    'x-litellm-api-key',
    'authorization',
    'api-key',
    'x-api-key',
    'x-goog-api-key',
    'ocp-apim-subscription-key',
  ];
  const headerFor = (name: string): string => `${name === 'authorization' ? 'Bearer ' : ''}sk-in-${name}`;

  test('of several headers the first of the list is used', () => {
    fc.assert(
      fc.property(fc.subarray(ORDER, { minLength: 1 }), (names) => {
        const headers = Object.fromEntries(names.map((name) => [name, headerFor(name)]));
        expect(keyIn(headers)).toBe(`sk-in-${names[0]}`);
      }),
    );
  });

  test('a malformed header is refused, not passed over for the next', async () => {
    expect((await refused({ authorization: KEY, 'x-api-key': OTHER })).kind).toBe('invalid_api_key');
    expect((await refused({ 'x-litellm-api-key': '', authorization: `Bearer ${OTHER}` })).kind).toBe('invalid_api_key');
  });
});

describe('a header named by the operator', () => {
  test('is read whatever its case', () => {
    expect(keyIn({ 'x-our-key': `Bearer ${KEY}` }, 'X-Our-Key')).toBe(KEY);
  });

  test('is then the only one', async () => {
    const error = await refused({ authorization: `Bearer ${KEY}`, 'x-api-key': KEY }, 'X-Our-Key');
    expect(error.details.reason).toBe('No API key was sent in the header X-Our-Key.');
  });

  test('needs a scheme, as Authorization does', async () => {
    expect((await refused({ 'x-our-key': KEY }, 'X-Our-Key')).details.reason).toContain('Bearer');
  });
});

describe('refusals', () => {
  const cases: [string, HeaderBag, string][] = [
    ['nothing at all', {}, 'No API key was sent'],
    ['a key without Bearer', { authorization: KEY }, 'needs the word Bearer'],
    ['Bearer alone', { authorization: 'Bearer ' }, 'is empty'],
    ['Bearer alone without the space', { authorization: 'Bearer' }, 'needs the word Bearer'],
    ['another scheme', { authorization: `Digest ${KEY}` }, 'needs the word Bearer'],
    ['an empty api-key', { 'api-key': '' }, 'is empty'],
    ['two keys in Authorization', { authorization: `Bearer ${KEY}, Bearer ${OTHER}` }, 'exactly one key'],
    ['two keys without a space', { authorization: `Bearer ${KEY},${OTHER}` }, 'exactly one key'],
    ['two keys in x-api-key', { 'x-api-key': `${KEY}, ${OTHER}` }, 'exactly one key'],
    ['a key with a space in it', { authorization: `Bearer sk-one two` }, 'exactly one key'],
    ['a signed AWS request without a key of ours', { authorization: 'AWS4-HMAC-SHA256 Credential=AKIA/x' }, 'Bearer'],
  ];
  for (const [what, headers, reason] of cases) {
    test(what, async () => {
      const error = await refused(headers);
      expect(error.status).toBe(401);
      expect(error.details.reason).toContain(reason);
    });
  }

  test('have the one shape of a 401', async () => {
    expect(errorBody(await refused({}))).toEqual({
      error: {
        message: 'Invalid API key',
        type: 'invalid_request_error',
        param: null,
        code: 'invalid_api_key',
        reason: 'No API key was sent. Send it as "Authorization: Bearer sk-...".',
      },
    });
  });

  test('never show what was sent, whatever it was', async () => {
    const secret = fc.stringMatching(/^[\x21-\x7e]{8,40}$/);
    const header = fc.constantFrom('authorization', 'x-litellm-api-key', 'api-key', 'x-api-key');
    const frame = fc.constantFrom(
      (key: string) => key,
      (key: string) => `Bearer ${key}, Bearer ${key}`,
      (key: string) => `Token ${key}`,
      (key: string) => `${key} ${key}`,
    );
    await fc.assert(
      fc.asyncProperty(secret, header, frame, async (key, name, framed) => {
        try {
          keyIn({ [name]: framed(key) });
        } catch {
          const error = await refused({ [name]: framed(key) });
          expect(JSON.stringify([errorBody(error), error.stack?.split('\n')[0]])).not.toContain(key);
        }
      }),
    );
  });

  test('a long header full of spaces costs no time', () => {
    const startedAt = performance.now();
    for (const value of [`AWS4-HMAC-SHA256 ${'Credential=Bearer '.repeat(900)}`, `Bearer ${' '.repeat(16_000)}`]) {
      expect(() => keyIn({ authorization: value })).toThrow('Invalid API key');
    }
    expect(performance.now() - startedAt).toBeLessThan(100);
  });
});
