import { describe, expect, test } from 'bun:test';
import { errorBody } from '../errors.ts';
import { refusalError } from './refusal-error.ts';
import type { Limit, Refusal, Standing, Unit } from './types.ts';

const NOW_MS = Date.UTC(2026, 0, 31, 12);
const SETTINGS = { budgetStatus: 422, nowMs: NOW_MS };

interface Given extends Partial<Omit<Refusal, 'standing'>>, Partial<Omit<Standing, 'limit'>> {
  readonly unit?: Unit;
  readonly max?: number;
  readonly kind?: Limit['scope']['kind'];
}

function refusal({ unit = 'usd', max = 1_000_000_000, kind = 'api_key', ...given }: Given = {}): Refusal {
  const { posted = 0, held = 0, resetsAtMs = null } = given;
  const limit: Limit = {
    scope: { kind, id: 'secret-digest' },
    unit,
    window: { kind: 'lifetime' },
    max,
    strength: 'hard',
  };
  return {
    standing: { limit, posted, held, resetsAtMs },
    reason: given.reason ?? 'over',
    asked: given.asked ?? 1,
    clearsAtMs: given.clearsAtMs ?? null,
    onlyHeld: given.onlyHeld ?? false,
  };
}

const bodyOf = (given: Given, settings = SETTINGS) => {
  const error = refusalError(refusal(given), settings);
  return { error, status: error.status, body: errorBody(error).error as Record<string, unknown> };
};

describe('a limit of nothing', () => {
  test.each([
    ['requests', 1, 'requests'],
    ['tokens', 500, 'tokens'],
    ['parallel', 1, 'max_parallel_requests'],
  ] as const)('of %p says that nothing passes, and not to ask for less', (unit, asked, word) => {
    const { body, error } = bodyOf({ unit, asked, max: 0, reason: 'too_large' });
    expect(body['reason']).toBe(`This key may use no ${word} at all (its limit is 0). An admin can raise it.`);
    expect([error.status, error.details.retryAfterMs]).toEqual([429, undefined]);
  });
});

describe('a budget that is spent', () => {
  const spent = { posted: 1_000_000_000, asked: 50_000 };

  test('is a 422 in LiteLLM’s words, with what is spent, held and allowed', () => {
    const { status, body } = bodyOf(spent);
    expect(status).toBe(422);
    expect(body).toMatchObject({
      type: 'budget_exceeded',
      code: '422',
      message: 'Budget has been exceeded! Key: Current cost: 1, Max budget: 1.',
      limit: { scope: 'api_key', unit: 'usd', used: 1, spent: 1, held: 0, needed: 0.00005, max: 1, resets_at: null },
    });
  });

  test('has the status that the operator chose', () => {
    expect(bodyOf(spent, { ...SETTINGS, budgetStatus: 429 }).status).toBe(429);
  });

  test('says when it starts anew, and how long that is', () => {
    const { error, body } = bodyOf({ ...spent, clearsAtMs: NOW_MS + 90_000, resetsAtMs: NOW_MS + 90_000 });
    expect(body['limit']).toMatchObject({ resets_at: '2026-01-31T12:01:30.000Z' });
    expect(error.details.retryAfterMs).toBe(90_000);
    expect(String(body['reason'])).toContain('2026-01-31T12:01:30');
  });

  test('that never starts anew asks for an admin, not for a retry', () => {
    const { error, body } = bodyOf(spent);
    expect(error.details.retryAfterMs).toBeUndefined();
    expect(String(body['reason'])).toContain('an admin can raise it');
  });
});

describe('a budget that does not cover the request', () => {
  test('says what it might cost, and what calls under way hold', () => {
    const { body } = bodyOf({ posted: 400_000_000, held: 500_000_000, asked: 200_000_000, onlyHeld: true });
    expect(body['message']).toBe(
      'Budget has been exceeded! Key: Current cost: 0.4, Max budget: 1, held by requests under way: 0.5. This request may cost up to 0.2.',
    );
  });

  test('is worth another try soon when others only hold it', () => {
    expect(bodyOf({ posted: 0, held: 900_000_000, onlyHeld: true }).error.details.retryAfterMs).toBe(1_000);
  });

  test('does not wait for the end of a month when others only hold it', () => {
    const held = { posted: 0, held: 900_000_000, onlyHeld: true, resetsAtMs: NOW_MS + 9_000_000 };
    const { error, body } = bodyOf({ ...held, clearsAtMs: NOW_MS + 9_000_000 });
    expect(error.details.retryAfterMs).toBe(1_000);
    expect(String(body['reason'])).toContain('Requests under way hold what it needs');
    expect(body['limit']).toMatchObject({ resets_at: '2026-01-31T14:30:00.000Z' });
    expect(bodyOf({ ...held, clearsAtMs: NOW_MS + 400 }).error.details.retryAfterMs).toBe(400);
  });

  test('says to ask for less when the request alone is too large', () => {
    const { error, body } = bodyOf({ reason: 'too_large', asked: 5_000_000_000, clearsAtMs: NOW_MS + 5 });
    expect(String(body['reason'])).toContain('max_tokens');
    expect(error.details.retryAfterMs).toBeUndefined();
  });
});

test('every scope is named in plain words, and no id of anybody is told', () => {
  const kinds = [
    'team',
    'team_member',
    'user',
    'organization',
    'project',
    'end_user',
    'tag',
    'global',
    'provider',
  ] as const;
  for (const kind of kinds) {
    for (const unit of ['usd', 'requests'] as const) {
      const { body } = bodyOf({ kind, unit, posted: 5, max: 5 });
      expect(body['limit']).toMatchObject({ scope: kind });
      expect(JSON.stringify(body)).not.toContain('secret-digest');
      expect(String(body['reason']).length).toBeGreaterThan(20);
    }
  }
});

describe('a rate', () => {
  test('is a 429 in one shape, which says what is used and when to come back', () => {
    const { status, error, body } = bodyOf({
      ...{ unit: 'requests', max: 30, posted: 20, held: 10, asked: 1 },
      clearsAtMs: NOW_MS + 1_500,
    });
    expect(status).toBe(429);
    expect(body).toMatchObject({
      message: 'Rate limit exceeded',
      type: 'rate_limit_error',
      limit: { scope: 'api_key', unit: 'requests', used: 30, max: 30, resets_at: '2026-01-31T12:00:01.500Z' },
    });
    expect(error.details.retryAfterMs).toBe(1_500);
    expect(error.details.headers).toEqual({ rate_limit_type: 'requests', reset_at: '2026-01-31T12:00:01.500Z' });
    expect(body['limit']).not.toHaveProperty('spent');
  });

  test('has LiteLLM’s names for its units', () => {
    const names = (['requests', 'tokens', 'parallel'] as const).map((unit) => bodyOf({ unit }).error.details.headers);
    expect(names.map((headers) => headers?.['rate_limit_type'])).toEqual([
      'requests',
      'tokens',
      'max_parallel_requests',
    ]);
  });

  test('of tokens that are only held says when they leave, since that is near', () => {
    const held = {
      unit: 'tokens',
      held: 90,
      max: 100,
      asked: 20,
      onlyHeld: true,
      clearsAtMs: NOW_MS + 42_000,
    } as const;
    expect(bodyOf(held).error.details.retryAfterMs).toBe(42_000);
  });

  test('of parallel calls is worth a try soon', () => {
    expect(bodyOf({ unit: 'parallel', held: 3, max: 3, onlyHeld: true }).error.details.retryAfterMs).toBe(1_000);
  });

  test('that the request alone passes says how to shrink it', () => {
    const { error, body } = bodyOf({ unit: 'tokens', reason: 'too_large', asked: 700, max: 60 });
    expect(String(body['reason'])).toContain('asks for 700 tokens');
    expect(error.details.retryAfterMs).toBeUndefined();
  });

  test('that clears in the very same moment is still a moment away', () => {
    expect(bodyOf({ unit: 'requests', clearsAtMs: NOW_MS - 5 }).error.details.retryAfterMs).toBe(1);
  });
});

test('a model without a price under a budget is a 400 that says how to price it', () => {
  const { status, body } = bodyOf({ reason: 'unpriced', kind: 'team' });
  expect(status).toBe(400);
  expect(body).toMatchObject({ code: 'model_unpriced', param: 'model', type: 'invalid_request_error' });
  expect(String(body['message'])).toContain('its team has a budget');
  expect(String(body['reason'])).toContain('input_cost_per_token');
  expect(String(body['reason'])).toContain('free: true');
});
