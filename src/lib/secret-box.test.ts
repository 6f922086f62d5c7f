import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { createSecretBox, keyIdOfSecret, type SecretBox, SecretBoxError, type SecretKey } from './secret-box.ts';

const ONE: SecretKey = { id: 'one', secret: 'sk-salt-one' };
const TWO: SecretKey = { id: 'two', secret: 'sk-salt-two' };
const PLACE = 'models/m1/api_key';

let counter = 0;
/** Different each time, and the same in each run. */
const randomBytes = (size: number): Uint8Array => new Uint8Array(size).fill(counter++ % 256);

const boxWith = (keys: readonly SecretKey[], current: string): SecretBox =>
  createSecretBox({ keys, current, randomBytes });

const box = boxWith([ONE], 'one');

function refusal(run: () => unknown): SecretBoxError {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof SecretBoxError) return thrown;
    throw thrown;
  }
  throw new Error('Nothing was refused');
}

test('any text comes back as it was, and its sealed form holds nothing of it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 4 }), (plain) => {
      const sealed = box.seal(plain, PLACE);
      expect(sealed).toMatch(/^v1:one:[\w-]+$/);
      expect(box.open(sealed, PLACE)).toBe(plain.toWellFormed());
    }),
    { numRuns: 100 },
  );
  const sealed = box.seal('sk-provider-secret', PLACE);
  expect(Buffer.from(sealed.split(':')[2] ?? '', 'base64url').toString('latin1')).not.toContain('provider');
});

test('an empty text can be sealed', () => {
  expect(box.open(box.seal('', PLACE), PLACE)).toBe('');
});

test('the same secret never looks the same twice', () => {
  expect(box.seal('s', PLACE)).not.toBe(box.seal('s', PLACE));
});

describe('what does not open gives an error that says what to do, and no part of the secret:', () => {
  const sealed = box.seal('sk-provider-secret', PLACE);

  test('in another place', () => {
    const { message } = refusal(() => box.open(sealed, 'models/m2/api_key'));
    expect(message).toContain('moved');
    expect(message).toContain('LITELLM_SALT_KEY');
  });

  test('with another secret under the same key id', () => {
    const other = boxWith([{ id: 'one', secret: 'sk-other' }], 'one');
    expect(refusal(() => other.open(sealed, PLACE)).message).toContain('"one"');
  });

  test('with a key that is not there', () => {
    const other = boxWith([TWO], 'two');
    expect(refusal(() => other.open(sealed, PLACE)).message).toMatch(
      /"one", which is not known here.*LITELLM_SALT_KEY/,
    );
  });

  test('after any one bit was changed', () => {
    const [version, id, text = ''] = sealed.split(':');
    const bytes = Buffer.from(text, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      const at = bit >> 3;
      changed.writeUInt8((changed[at] ?? 0) ^ (1 << (bit & 7)), at);
      const { message } = refusal(() => box.open(`${version}:${id}:${changed.toString('base64url')}`, PLACE));
      expect(message).not.toContain('provider');
    }
  });

  test('under the name of another key that has the same secret', () => {
    const both = boxWith([ONE, { id: 'copy', secret: ONE.secret }], 'one');
    expect(refusal(() => both.open(sealed.replace(':one:', ':copy:'), PLACE)).message).toContain('"copy"');
  });

  test.each(['', 'sk-plain', 'v1:one:', 'v1:one:short', 'v2:one:AAAA', 'v1::AAAA', sealed.slice(0, 30)])(
    '%p',
    (text) => {
      expect(refusal(() => box.open(text, PLACE)).message).not.toContain('sk-plain');
    },
  );
});

test('a text says which key it is sealed with, and plain ones that they are not', () => {
  expect(box.keyIdOf(box.seal('s', PLACE))).toBe('one');
  for (const plain of ['', 'sk-plain', 'v1:one:short', 'os.environ/KEY']) expect(box.keyIdOf(plain)).toBeUndefined();
});

test('old texts open beside new ones while both keys are known', () => {
  const old = box.seal('s', PLACE);
  const both = boxWith([ONE, TWO], 'two');
  expect([both.open(old, PLACE), both.currentKeyId]).toEqual(['s', 'two']);
  expect(both.keyIdOf(both.seal('s', PLACE))).toBe('two');
});

test('a box cannot be made without its current key, or with an id that a sealed text could not hold', () => {
  expect(() => boxWith([ONE], 'two')).toThrow(SecretBoxError);
  expect(() => boxWith([{ id: 'a:b', secret: 's' }], 'a:b')).toThrow(SecretBoxError);
});

test('the name of a key is the same for the same secret, differs for others and does not hold it', () => {
  expect(keyIdOfSecret('sk-1234')).toBe(keyIdOfSecret('sk-1234'));
  expect(keyIdOfSecret('sk-1234')).not.toBe(keyIdOfSecret('sk-1235'));
  expect(keyIdOfSecret('sk-1234')).toMatch(/^[0-9a-f]{12}$/);
});
