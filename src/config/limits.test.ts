import { describe, expect, test } from 'bun:test';
import { errorsOf, findingsOf, load } from '../../test/support/config-files.ts';
import type { LimitConfig } from './config.ts';
import { isBudgetDuration } from './limits.ts';

const limits = (text: string, environment: Record<string, string> = {}): LimitConfig => load(text, environment).limits;

describe('without any setting', () => {
  test('nothing is limited, and what is refused is refused as LiteLLM does', () => {
    expect(limits('model_list: []')).toMatchObject({
      globalBudget: null,
      providerBudgets: {},
      budgetStatus: 422,
      timeZone: 'UTC',
      endUserBudgetId: null,
      userLimitsInTeams: true,
      budgetWaitMs: 30_000,
      queueMs: 0,
      maxWaiting: 1_000,
      rateWindowMs: 60_000,
      budgetAlerts: [0.8, 0.95],
    });
  });
});

describe('the budget of all requests', () => {
  test('has a window, or holds for ever', () => {
    expect(limits('litellm_settings: {max_budget: 12.5, budget_duration: 30d}').globalBudget).toEqual({
      maxUsd: 12.5,
      duration: '30d',
    });
    expect(limits('litellm_settings: {max_budget: 1}').globalBudget).toEqual({ maxUsd: 1, duration: null });
  });

  test('of 0 is none, as in LiteLLM', () => {
    expect(limits('litellm_settings: {max_budget: 0}').globalBudget).toBeNull();
  });

  test.each(['often', '0d', '1 fortnight', '-1'])(
    'over "%s" stops the start and says what a time looks like',
    (duration) => {
      const [error] = errorsOf(`litellm_settings: {max_budget: 1, budget_duration: "${duration}"}`);
      expect(error).toContain('litellm_settings.budget_duration');
      expect(error).toContain('30s, 1h, 1d, 7d, 30d or 1mo');
    },
  );
});

describe('the budget of copies for silent models', () => {
  test('has a window, or holds for ever, and may be nothing at all', () => {
    const read = (text: string) => limits(`tollgate_settings: {mirror_budget: ${text}}`).mirrorBudget;
    expect(read('{max_budget: 5, budget_duration: 1d}')).toEqual({ maxUsd: 5, duration: '1d' });
    expect(read('{max_budget: 0}')).toEqual({ maxUsd: 0, duration: null });
    expect(limits('model_list: []').mirrorBudget).toBeNull();
  });

  test.each([
    ['{}', 'mirror_budget: needs max_budget, a number of dollars'],
    ['{budget_duration: 1d}', 'mirror_budget: needs max_budget, a number of dollars'],
    ['{max_budget: 1, budget_duration: often}', 'mirror_budget.budget_duration: must be a time such as 30s'],
    ['5', 'mirror_budget'],
  ])('written as %s stops the start', (text, message) => {
    const errors = errorsOf(`tollgate_settings: {mirror_budget: ${text}}`);
    expect(errors.join()).toContain(message);
  });
});

describe('budgets of providers', () => {
  const config = (text: string): string => `router_settings:\n  provider_budget_config: ${text}\n`;

  test('are read by both names of each field', () => {
    const text = config('{openai: {budget_limit: 10, time_period: 1d}, groq: {max_budget: 0.5, budget_duration: 1mo}}');
    expect(limits(text).providerBudgets).toEqual({
      openai: { maxUsd: 10, duration: '1d' },
      groq: { maxUsd: 0.5, duration: '1mo' },
    });
  });

  test('without an amount stop the start', () => {
    expect(errorsOf(config('{openai: {time_period: 1d}}')).join()).toContain('needs budget_limit');
  });

  test('that are no mapping stop the start', () => {
    expect(errorsOf(config('[openai]')).join()).toContain('mapping of providers');
    expect(errorsOf(config('{openai: 10}')).join()).toContain('provider_budget_config.openai');
  });

  test('with a misspelt field name the right one', () => {
    const findings = findingsOf(config('{openai: {budget_limt: 10}}'));
    expect(findings.map(({ message }) => message).join()).toContain('budget_limit');
  });
});

describe('the status of a refused budget', () => {
  test.each([400, 422, 429, 503])('may be %d', (status) => {
    expect(limits(`litellm_settings: {budget_exceeded_status_code: ${status}}`).budgetStatus).toBe(status);
  });

  test.each([200, 302, 600, 42])('may not be %d', (status) => {
    expect(errorsOf(`litellm_settings: {budget_exceeded_status_code: ${status}}`).join()).toContain('400 to 599');
  });
});

describe('the time zone', () => {
  test.each(['UTC', 'Europe/Berlin', 'Asia/Kathmandu', 'America/New_York'])('%s is one', (zone) => {
    expect(limits(`litellm_settings: {timezone: ${zone}}`).timeZone).toBe(zone);
  });

  test.each(['Europe/Nowhere', 'Berlin', 'GMT+25', ''])('"%s" is none', (zone) => {
    if (zone === '') expect(limits('litellm_settings: {timezone: }').timeZone).toBe('UTC');
    else expect(errorsOf(`litellm_settings: {timezone: "${zone}"}`).join()).toContain('America/New_York');
  });
});

describe('waiting', () => {
  test('for money is in seconds, and can be switched off', () => {
    expect(limits('tollgate_settings: {budget_wait: 2.5}').budgetWaitMs).toBe(2_500);
    expect(limits('tollgate_settings: {budget_wait: 0}').budgetWaitMs).toBe(0);
  });

  test('for a rate is off unless a queue is set', () => {
    const { queueMs, maxWaiting } = limits('tollgate_settings: {queue: {max_wait: 5, max_waiting: 9}}');
    expect([queueMs, maxWaiting]).toEqual([5_000, 9]);
  });

  test('in a queue with a misspelt key names the right one', () => {
    const findings = findingsOf('tollgate_settings: {queue: {max_wat: 5}}');
    expect(findings.map(({ message }) => message).join()).toContain('max_wait');
  });
});

describe('alerts of budgets', () => {
  test('are shares in their order', () => {
    expect(limits('tollgate_settings: {budget_alerts: [0.9, 0.5]}').budgetAlerts).toEqual([0.5, 0.9]);
    expect(limits('tollgate_settings: {budget_alerts: []}').budgetAlerts).toEqual([]);
  });

  test.each(['[80]', '[0]', '[1]', '[half]', '[-0.5]'])('of %s stop the start', (shares) => {
    expect(errorsOf(`tollgate_settings: {budget_alerts: ${shares}}`).join()).toContain('between 0 and 1');
  });
});

test('the window of rates is LiteLLM’s variable, in seconds', () => {
  expect(limits('model_list: []', { LITELLM_RATE_LIMIT_WINDOW_SIZE: '10' }).rateWindowMs).toBe(10_000);
  expect(() => load('model_list: []', { LITELLM_RATE_LIMIT_WINDOW_SIZE: 'a minute' })).toThrow(
    'LITELLM_RATE_LIMIT_WINDOW_SIZE',
  );
});

test('a user’s limits hold in a team unless the operator says otherwise', () => {
  expect(limits('general_settings: {apply_user_budget_to_team_keys: false}').userLimitsInTeams).toBe(false);
});

test('end users without a budget have the one that is named', () => {
  expect(limits('litellm_settings: {max_end_user_budget_id: small}').endUserBudgetId).toBe('small');
});

test.each(['30s', '1h', '1d', '7d', '30d', '1w', '1mo', 'hourly', 'daily', 'weekly', 'monthly'])(
  '%s is a time',
  (text) => {
    expect(isBudgetDuration(text)).toBe(true);
  },
);
