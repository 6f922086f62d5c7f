/** Keys and callers with plausible fields; tests say only what matters to them. */
import { ALONE } from '../../src/auth/acting.ts';
import type { LoadedKey } from '../../src/auth/key-cache.ts';
import type { Caller } from '../../src/gateway/call.ts';

export function sampleCaller(over: Partial<Caller> = {}): Caller {
  return {
    ...ALONE,
    kind: 'key',
    keyHash: 'b'.repeat(64),
    keyAlias: null,
    keyName: 'sk-...bbbb',
    ...over,
  };
}

export function sampleKey(over: Partial<LoadedKey> = {}, caller: Partial<Caller> = {}): LoadedKey {
  return { caller: sampleCaller(caller), blocked: false, expiresAtMs: null, allowedRoutes: [], ...over };
}
