/** Ids that the gateway gives. */
import type { AdminContext } from './context.ts';

/** A random UUID (version 4), LiteLLM's form of ids. */
export function newId({ randomBytes }: Pick<AdminContext, 'randomBytes'>): string {
  const bytes = Buffer.from(randomBytes().slice(0, 16));
  bytes[6] = (Number(bytes[6]) & 0x0f) | 0x40;
  bytes[8] = (Number(bytes[8]) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
