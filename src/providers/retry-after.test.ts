import { expect, test } from 'bun:test';
import { targetOf } from '../../test/support/provider-parts.ts';
import { retryAfter } from './retry-after.ts';
import { upstreamError } from './upstream-error.ts';

const NOW = Date.UTC(2025, 10, 25, 12, 0, 0);
const read = (headers: Record<string, string>) => retryAfter(new Headers(headers), NOW).retryAfterMs;

test.each([
  [{ 'retry-after': '7' }, 7000],
  [{ 'retry-after': ' 1.5 ' }, 1500],
  [{ 'retry-after': '0' }, 0],
  [{ 'retry-after': '3600' }, 3_600_000],
  [{ 'retry-after-ms': '250' }, 250],
  [{ 'retry-after-ms': '250.5', 'retry-after': '1' }, 250.5],
  [{ 'retry-after-ms': 'soon', 'retry-after': '1' }, 1000],
  [{ 'retry-after-ms': '', 'retry-after': '1' }, 1000],
  [{ 'retry-after-ms': '-5', 'retry-after': '1' }, 1000],
  [{ 'retry-after': 'Tue, 25 Nov 2025 12:00:30 GMT' }, 30_000],
  [{ 'retry-after': 'Tue, 25 Nov 2025 13:00:30 GMT', date: 'Tue, 25 Nov 2025 13:00:00 GMT' }, 30_000],
] as const)('%j asks for %d ms', (headers, waitMs) => {
  expect(read(headers)).toBe(waitMs);
});

test.each([
  {},
  { 'retry-after': '' },
  { 'retry-after': '-1' },
  { 'retry-after': 'soon' },
  { 'retry-after': '99999999' },
  { 'retry-after': 'Infinity' },
  { 'retry-after': 'Tue, 25 Nov 2025 11:00:00 GMT' },
  { 'retry-after-ms': 'NaN' },
  { 'retry-after-ms': '1e12' },
])('%j asks for nothing that makes sense', (headers) => {
  expect(read(headers)).toBeUndefined();
});

test('a refusal carries what was asked, also when it is longer than any retry would wait', () => {
  const parts = { target: targetOf('openai/x'), status: 429, body: '' };
  const long = upstreamError({ ...parts, headers: new Headers({ 'retry-after': '300' }) });
  expect(long.details.retryAfterMs).toBe(300_000);
  expect(upstreamError({ ...parts, headers: new Headers() }).details).not.toHaveProperty('retryAfterMs');
});
