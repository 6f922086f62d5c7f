/** Tags. */
import { BUDGET, LIMITS, TAG } from './blank.ts';
import { refused, type Shapes, unknown } from './step.ts';

const FULL_LIMITS = {
  ...LIMITS,
  budget_id: null,
  max_budget: 2,
  soft_budget: 1,
  budget_duration: '1d',
  model_max_budget: { 'gpt-4o': { budget_limit: 1, time_period: '1d' } },
  max_parallel_requests: 2,
  tpm_limit: 100,
  rpm_limit: 10,
  budget_reset_at: '2026-02-01T00:00:00.000Z',
};

const FULL = {
  ...TAG,
  name: 'full',
  description: 'Everything',
  models: ['gpt-4o'],
  model_info: { 'gpt-4o': 'GPT' },
  max_budget: 2,
  soft_budget: 1,
  budget_duration: '1d',
  model_max_budget: { 'gpt-4o': { budget_limit: 1, time_period: '1d' } },
  max_parallel_requests: 2,
  tpm_limit: 100,
  rpm_limit: 10,
  budget_reset_at: '2026-02-01T00:00:00.000Z',
  litellm_budget_table: FULL_LIMITS,
};

const SHARED = {
  ...BUDGET,
  budget_id: 'shared',
  max_budget: 3,
  budget_duration: '7d',
  budget_reset_at: '2026-02-02T00:00:00.000Z',
};

const SHARING = {
  ...TAG,
  name: 'sharing',
  budget_id: 'shared',
  budget_reset_at: '2026-02-02T00:00:00.000Z',
  litellm_budget_table: SHARED,
};

export const tags: Shapes = {
  noun: 'tags',
  rows: [
    {
      id: 'row-1',
      callId: 'row-1',
      tags: ['seen'],
      startedAtMs: 1769774400000,
      endedAtMs: 1769774401000,
      costNanoUsd: 5000000,
    },
  ],
  steps: [
    {
      says: 'a tag of which only the name is said',
      send: 'POST /tag/new',
      body: { name: 'small' },
      answer: { message: 'Tag small created successfully', tag: { ...TAG, name: 'small', litellm_budget_table: null } },
    },
    {
      says: 'a tag of which everything is said',
      send: 'POST /tag/new',
      body: {
        name: 'full',
        description: 'Everything',
        models: ['gpt-4o'],
        model_info: { 'gpt-4o': 'GPT' },
        max_budget: 2,
        soft_budget: 1,
        budget_duration: '1d',
        model_max_budget: { 'gpt-4o': { budget_limit: 1, time_period: '1d' } },
        max_parallel_requests: 2,
        tpm_limit: 100,
        rpm_limit: 10,
      },
      warning: 'stored but not enforced yet: model_info',
      answer: { message: 'Tag full created successfully', tag: FULL },
    },
    {
      says: 'a budget for the next one',
      send: 'POST /budget/new',
      body: { budget_id: 'shared', max_budget: 3, budget_duration: '7d' },
      answer: SHARED,
    },
    {
      says: 'a tag with a budget that others share',
      send: 'POST /tag/new',
      body: { name: 'sharing', budget_id: 'shared' },
      answer: { message: 'Tag sharing created successfully', tag: SHARING },
    },
    {
      says: 'all of it is seen again',
      send: 'POST /tag/info',
      body: { names: ['full', 'sharing'] },
      answer: { full: FULL, sharing: SHARING },
    },
    {
      says: 'all of them, and what only a request has named',
      send: 'GET /tag/list',
      answer: [
        { ...TAG, name: 'small', litellm_budget_table: null },
        SHARING,
        FULL,
        {
          ...TAG,
          name: 'seen',
          description:
            'This is just a spend tag that was passed dynamically in a request. It does not control any LLM models.',
          is_dynamic: true,
          created_at: null,
          created_by: null,
          updated_at: null,
          updated_by: null,
          spend: 0.005,
          total_spend: 0.005,
          litellm_budget_table: null,
        },
      ],
    },
    { says: 'those of requests', send: 'GET /tag/distinct', answer: { results: [{ tag: 'seen' }] } },
    {
      says: 'what was used with each',
      send: 'GET /tag/summary?start_date=2026-01-30&end_date=2026-01-30',
      answer: {
        results: [
          {
            tag: 'seen',
            unique_users: 1,
            total_requests: 1,
            successful_requests: 1,
            failed_requests: 0,
            total_tokens: 120,
            total_spend: 0.005,
          },
        ],
      },
    },
    {
      says: 'who was active on each day',
      send: 'GET /tag/dau',
      answer: {
        results: [{ tag: 'seen', active_users: 1, date: '2026-01-30', period_start: null, period_end: null }],
      },
    },
    {
      says: 'in each week',
      send: 'GET /tag/wau?tag_filters=seen',
      answer: {
        results: [
          {
            tag: 'seen',
            active_users: 1,
            date: 'Week 7 (Jan 25)',
            period_start: '2026-01-25',
            period_end: '2026-01-31',
          },
        ],
      },
    },
    {
      says: 'in each month',
      send: 'GET /tag/mau?tag_filter=see',
      answer: {
        results: [
          { tag: 'seen', active_users: 1, date: 'Month 7 (Jan)', period_start: '2026-01-02', period_end: '2026-01-31' },
        ],
      },
    },
    {
      says: 'what each person has used',
      send: 'GET /tag/user-agent/per-user-analytics',
      answer: {
        results: [
          {
            user_id: 'user-1',
            user_email: null,
            user_agent: 'seen',
            successful_requests: 1,
            failed_requests: 0,
            total_requests: 1,
            total_tokens: 120,
            spend: 0.005,
          },
        ],
        total_count: 1,
        page: 1,
        page_size: 50,
        total_pages: 1,
      },
    },
    {
      says: 'only what is sent changes',
      send: 'POST /tag/update',
      body: { name: 'full', max_budget: 5 },
      answer: {
        message: 'Tag full updated successfully',
        tag: {
          ...TAG,
          name: 'full',
          description: 'Everything',
          models: ['gpt-4o'],
          model_info: { 'gpt-4o': 'GPT' },
          max_budget: 5,
          soft_budget: 1,
          budget_duration: '1d',
          model_max_budget: { 'gpt-4o': { budget_limit: 1, time_period: '1d' } },
          max_parallel_requests: 2,
          tpm_limit: 100,
          rpm_limit: 10,
          budget_reset_at: '2026-02-01T00:00:00.000Z',
          litellm_budget_table: {
            ...LIMITS,
            budget_id: null,
            max_budget: 5,
            soft_budget: 1,
            budget_duration: '1d',
            model_max_budget: { 'gpt-4o': { budget_limit: 1, time_period: '1d' } },
            max_parallel_requests: 2,
            tpm_limit: 100,
            rpm_limit: 10,
            budget_reset_at: '2026-02-01T00:00:00.000Z',
          },
        },
      },
    },
    {
      says: 'an explicit null clears',
      send: 'POST /tag/update',
      body: {
        name: 'full',
        max_budget: null,
        budget_duration: null,
        models: null,
        description: null,
        model_info: null,
        model_max_budget: null,
      },
      answer: {
        message: 'Tag full updated successfully',
        tag: {
          ...TAG,
          name: 'full',
          soft_budget: 1,
          max_parallel_requests: 2,
          tpm_limit: 100,
          rpm_limit: 10,
          litellm_budget_table: {
            ...LIMITS,
            budget_id: null,
            soft_budget: 1,
            max_parallel_requests: 2,
            tpm_limit: 100,
            rpm_limit: 10,
            budget_reset_at: null,
          },
        },
      },
    },
    {
      says: 'deleted',
      send: 'POST /tag/delete',
      body: { name: 'small' },
      answer: { message: 'Tag small deleted successfully' },
    },
    {
      says: 'one that is not there',
      send: 'POST /tag/info',
      body: { names: ['small'] },
      ...unknown('name', "There is no tag 'small'."),
    },
    {
      says: 'one that is not there to change',
      send: 'POST /tag/update',
      body: { name: 'nothing' },
      ...unknown('name', "There is no tag 'nothing'."),
    },
    {
      says: 'one that is not there to delete',
      send: 'POST /tag/delete',
      body: { name: 'nothing' },
      ...unknown('name', "There is no tag 'nothing'."),
    },
    {
      says: 'a name that is taken',
      send: 'POST /tag/new',
      body: { name: 'full' },
      ...refused('name', "A tag 'full' exists already. Change it with /tag/update."),
    },
    { says: 'a field that is missing', send: 'POST /tag/new', body: {}, ...refused('name', "'name': is missing.") },
    {
      says: 'an unknown field',
      send: 'POST /tag/new',
      body: { name: 'x', descripton: 'y' },
      ...refused('descripton', 'Unknown field \'descripton\'. Did you mean "description"?'),
    },
    {
      says: 'a field of the wrong type',
      send: 'POST /tag/new',
      body: { name: 'x', models: 'gpt-4o' },
      ...refused('models', "'models': Invalid input: expected array, received string."),
    },
  ],
};
