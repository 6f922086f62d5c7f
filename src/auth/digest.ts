import { timingSafeEqual } from 'node:crypto';

/** SHA-256 hex of a secret: what is stored and compared in its place. Keys are long and random, so no salt is needed. */
export const digest = (secret: string): string => Bun.CryptoHasher.hash('sha256', secret, 'hex');

/** Compares two digests in constant time. */
export function sameDigest(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
