/** Every migration, oldest first. A released one is never edited: add another. Names sort in the order they run. */
import type { Migration } from 'kysely/migration';
import { initial } from './0001-initial.ts';
import { keys } from './0002-keys.ts';
import { usage } from './0003-usage.ts';
import { entities } from './0004-entities.ts';
import { keyUsage } from './0005-key-usage.ts';
import { priceFactors } from './0006-price-factors.ts';
import { routing } from './0007-routing.ts';
import { rateTokens } from './0008-rate-tokens.ts';
import { countedRequests } from './0009-counted-requests.ts';
import { newScopes } from './0010-new-scopes.ts';

export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-initial': initial,
  '0002-keys': keys,
  '0003-usage': usage,
  '0004-entities': entities,
  '0005-key-usage': keyUsage,
  '0006-price-factors': priceFactors,
  '0007-routing': routing,
  '0008-rate-tokens': rateTokens,
  '0009-counted-requests': countedRequests,
  '0010-new-scopes': newScopes,
};
