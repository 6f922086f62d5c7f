import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { digest, sameDigest } from './digest.ts';

test('a digest is SHA-256 in hexadecimal, as LiteLLM stores it', () => {
  expect(digest('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  expect(digest('schlüssel')).toHaveLength(64);
});

test('digests are the same or not, whatever their lengths', () => {
  expect(sameDigest(digest('a'), digest('a'))).toBe(true);
  expect(sameDigest(digest('a'), digest('b'))).toBe(false);
  expect(sameDigest(digest('a'), '')).toBe(false);
  expect(sameDigest(digest('a'), `${digest('a')}0`)).toBe(false);
});

test('secrets are compared in constant time, in the one place that compares them', () => {
  const code = (file: string): string => readFileSync(join(import.meta.dir, file), 'utf8');
  expect(code('digest.ts')).toContain('timingSafeEqual(');
  expect(code('authenticate.ts')).toContain('sameDigest(');
  expect(code('authenticate.ts')).not.toMatch(/(secret|keyHash)\s*[!=]==?|[!=]==?\s*(secret|master\.keyHash)\b/);
});
