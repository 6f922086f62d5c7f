/** Customers, by both of their names. */
import { BUDGET, CUSTOMER, LIMITS } from './blank.ts';
import { refused, type Shapes, unknown } from './step.ts';

const FULL_LIMITS = {
  ...LIMITS,
  budget_id: null,
  max_budget: 2,
  soft_budget: 1,
  budget_duration: '1d',
  model_max_budget: { 'gpt-4o-mini': { budget_limit: 1, time_period: '1d' } },
  max_parallel_requests: 2,
  tpm_limit: 100,
  rpm_limit: 10,
  tpd_limit: 900,
  budget_reset_at: '2026-02-01T00:00:00.000Z',
};

const FULL = {
  ...CUSTOMER,
  user_id: 'full',
  alias: 'Full',
  allowed_model_region: 'eu',
  default_model: 'gpt-4o-mini',
  models: ['gpt-4o-mini'],
  metadata: { plan: 'gold' },
  litellm_budget_table: FULL_LIMITS,
};

const SHARED = {
  ...BUDGET,
  budget_id: 'shared',
  max_budget: 3,
  budget_duration: '7d',
  budget_reset_at: '2026-02-02T00:00:00.000Z',
};

const SHARING = { ...CUSTOMER, user_id: 'sharing', budget_id: 'shared', litellm_budget_table: SHARED };

const SEEN = {
  ...CUSTOMER,
  user_id: 'seen',
  created_at: null,
  created_by: null,
  updated_at: null,
  updated_by: null,
  spend: 0.005,
  total_spend: 0.005,
  litellm_budget_table: null,
};

export const customers: Shapes = {
  noun: 'customers',
  rows: [
    {
      id: 'row-1',
      callId: 'row-1',
      endUser: 'seen',
      startedAtMs: 1769774400000,
      endedAtMs: 1769774401000,
      costNanoUsd: 5000000,
    },
  ],
  steps: [
    {
      says: 'a customer of whom only the id is said',
      send: 'POST /customer/new',
      body: { user_id: 'small' },
      answer: { ...CUSTOMER, user_id: 'small', litellm_budget_table: null },
    },
    {
      says: 'a customer of whom everything is said',
      send: 'POST /customer/new',
      body: {
        user_id: 'full',
        alias: 'Full',
        blocked: false,
        allowed_model_region: 'eu',
        default_model: 'gpt-4o-mini',
        models: ['gpt-4o-mini'],
        metadata: { plan: 'gold' },
        max_budget: 2,
        soft_budget: 1,
        budget_duration: '1d',
        model_max_budget: { 'gpt-4o-mini': { budget_limit: 1, time_period: '1d' } },
        max_parallel_requests: 2,
        tpm_limit: 100,
        rpm_limit: 10,
        tpd_limit: 900,
      },
      answer: FULL,
    },
    {
      says: 'a budget for the next one',
      send: 'POST /budget/new',
      body: { budget_id: 'shared', max_budget: 3, budget_duration: '7d' },
      answer: SHARED,
    },
    {
      says: 'a customer with a budget that others share',
      send: 'POST /end_user/new',
      body: { user_id: 'sharing', budget_id: 'shared' },
      answer: SHARING,
    },
    { says: 'all of it is seen again', send: 'GET /customer/info?end_user_id=full', answer: FULL },
    { says: 'by the other name', send: 'GET /end_user/info?end_user_id=sharing', answer: SHARING },
    { says: 'whom only a request has named', send: 'GET /customer/info?end_user_id=seen', answer: SEEN },
    {
      says: 'all of them',
      send: 'GET /customer/list',
      answer: [{ ...CUSTOMER, user_id: 'small', litellm_budget_table: null }, SHARING, FULL, SEEN],
    },
    {
      says: 'all of them by pages',
      send: 'GET /end_user/list?page=1&page_size=1',
      answer: [{ ...CUSTOMER, user_id: 'small', litellm_budget_table: null }],
    },
    {
      says: 'only what is sent changes',
      send: 'POST /customer/update',
      body: { user_id: 'full', max_budget: 5, alias: 'Fuller' },
      answer: {
        ...CUSTOMER,
        user_id: 'full',
        alias: 'Fuller',
        allowed_model_region: 'eu',
        default_model: 'gpt-4o-mini',
        models: ['gpt-4o-mini'],
        metadata: { plan: 'gold' },
        litellm_budget_table: {
          ...LIMITS,
          budget_id: null,
          max_budget: 5,
          soft_budget: 1,
          budget_duration: '1d',
          model_max_budget: { 'gpt-4o-mini': { budget_limit: 1, time_period: '1d' } },
          max_parallel_requests: 2,
          tpm_limit: 100,
          rpm_limit: 10,
          tpd_limit: 900,
          budget_reset_at: '2026-02-01T00:00:00.000Z',
        },
      },
    },
    {
      says: 'an explicit null clears',
      send: 'POST /end_user/update',
      body: {
        user_id: 'full',
        max_budget: null,
        budget_duration: null,
        default_model: null,
        models: null,
        alias: null,
        allowed_model_region: null,
      },
      answer: {
        ...CUSTOMER,
        user_id: 'full',
        metadata: { plan: 'gold' },
        litellm_budget_table: {
          ...LIMITS,
          budget_id: null,
          soft_budget: 1,
          model_max_budget: { 'gpt-4o-mini': { budget_limit: 1, time_period: '1d' } },
          max_parallel_requests: 2,
          tpm_limit: 100,
          rpm_limit: 10,
          tpd_limit: 900,
          budget_reset_at: null,
        },
      },
    },
    {
      says: 'blocked',
      send: 'POST /customer/block',
      body: { user_ids: ['small', 'unknown'] },
      answer: {
        blocked_users: [
          { ...CUSTOMER, user_id: 'small', blocked: true, litellm_budget_table: null },
          { ...CUSTOMER, user_id: 'unknown', blocked: true, litellm_budget_table: null },
        ],
      },
    },
    {
      says: 'unblocked',
      send: 'POST /customer/unblock',
      body: { user_ids: ['small'] },
      answer: {
        unblocked_users: [{ ...CUSTOMER, user_id: 'small', litellm_budget_table: null }],
        blocked_users: ['unknown'],
      },
    },
    {
      says: 'blocked by the other name',
      send: 'POST /end_user/block',
      body: { user_ids: ['small'] },
      answer: { blocked_users: [{ ...CUSTOMER, user_id: 'small', blocked: true, litellm_budget_table: null }] },
    },
    {
      says: 'unblocked by the other name',
      send: 'POST /end_user/unblock',
      body: { user_ids: ['small', 'unknown'] },
      answer: {
        unblocked_users: [
          { ...CUSTOMER, user_id: 'small', litellm_budget_table: null },
          { ...CUSTOMER, user_id: 'unknown', litellm_budget_table: null },
        ],
        blocked_users: [],
      },
    },
    {
      says: 'deleted',
      send: 'POST /customer/delete',
      body: { user_ids: ['small'] },
      answer: { deleted_customers: 1, message: 'Successfully deleted customers with ids: small' },
    },
    {
      says: 'deleted by the other name',
      send: 'POST /end_user/delete',
      body: { user_ids: ['unknown'] },
      answer: { deleted_customers: 1, message: 'Successfully deleted customers with ids: unknown' },
    },
    {
      says: 'who is not there',
      send: 'GET /customer/info?end_user_id=nobody',
      ...unknown('end_user_id', "There is no customer 'nobody'."),
    },
    {
      says: 'who is not there to change',
      send: 'POST /customer/update',
      body: { user_id: 'nobody' },
      ...unknown('user_id', "There is no customer 'nobody'."),
    },
    {
      says: 'who is not there to delete',
      send: 'POST /customer/delete',
      body: { user_ids: ['nobody'] },
      ...unknown('user_ids', "There is no customer 'nobody'."),
    },
    {
      says: 'an id that is taken',
      send: 'POST /customer/new',
      body: { user_id: 'full' },
      ...refused('user_id', "A customer 'full' exists already. Change it with /customer/update."),
    },
    {
      says: 'a field that is missing',
      send: 'POST /customer/new',
      body: {},
      ...refused('user_id', "'user_id': is missing."),
    },
    {
      says: 'both a budget and limits',
      send: 'POST /customer/new',
      body: { user_id: 'both', max_budget: 1, budget_id: 'shared' },
      ...refused(
        'budget_id',
        "Set either 'max_budget' or 'budget_id', not both: what the budget says holds for all who refer to it.",
      ),
    },
    {
      says: 'an unknown field',
      send: 'POST /customer/new',
      body: { user_id: 'x', allias: 'y' },
      ...refused('allias', 'Unknown field \'allias\'. Did you mean "alias"?'),
    },
    {
      says: 'a field of the wrong type',
      send: 'POST /customer/new',
      body: { user_id: 7 },
      ...refused('user_id', "'user_id': Invalid input: expected string, received number."),
    },
    {
      says: 'a region that is none',
      send: 'POST /customer/new',
      body: { user_id: 'x', allowed_model_region: 'mars' },
      ...refused('allowed_model_region', '\'allowed_model_region\': Invalid option: expected one of "eu"|"us".'),
    },
    {
      says: 'a computed field',
      send: 'POST /customer/update',
      body: { user_id: 'full', spend: 1 },
      ...refused('spend', "'spend' is the sum of the request log and cannot be set."),
    },
  ],
};
