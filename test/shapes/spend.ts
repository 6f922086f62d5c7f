/** What was spent and used: the log, its sums and its days. */
import { DAY_TOTALS, KEY, METRICS, ROW, ROW_FACTS, ROW_METADATA, TEAM, USER } from './blank.ts';
import { refused, type Shapes, unknown } from './step.ts';

const ROW_3 = {
  ...ROW,
  request_id: 'call-3',
  litellm_call_id: 'call-3',
  api_key: '$OTHER',
  user: 'bob',
  team_id: null,
  status: 'failure',
  spend: 0,
  total_tokens: 0,
  prompt_tokens: 0,
  completion_tokens: 0,
  startTime: '2026-01-30T10:01:00.000Z',
  endTime: '2026-01-30T10:01:00.100Z',
  completionStartTime: null,
  request_duration_ms: 100,
  created_at: '2026-01-30T10:01:00.100Z',
  updated_at: '2026-01-30T10:01:00.100Z',
  metadata: {
    ...ROW_METADATA,
    user_api_key: '$OTHER',
    user_api_key_alias: null,
    user_api_key_team_id: null,
    user_api_key_user_id: 'bob',
    status: 'failure',
    usage_object: {
      prompt_tokens: 0,
      completion_tokens: 0,
      total_tokens: 0,
      cache_read_input_tokens: 0,
      cache_creation_input_tokens: 0,
      reasoning_tokens: 0,
    },
    cost_breakdown: {
      input_cost: 0,
      output_cost: 0,
      cache_read_cost: 0,
      cache_creation_cost: 0,
      reasoning_cost: 0,
      total_cost: 0,
    },
    error_information: { error_code: '429', error_class: 'rate_limit', error_message: 'Too many requests' },
  },
  tollgate: {
    ...ROW_FACTS,
    id: 'row-3',
    status: 'failure',
    http_status: 429,
    tokens: {
      input: 0,
      cacheRead: 0,
      cacheWrite: 0,
      inputAudio: 0,
      output: 0,
      reasoning: 0,
      outputAudio: 0,
      source: 'estimated',
    },
    cost_parts: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, reasoning: 0 },
    latency_ms: { total: 100, first_token: null, upstream: 810.25, overhead: 2.25 },
    error: { kind: 'rate_limit', type: 'rate_limit_error', message: 'Too many requests', code: '429' },
  },
};

const ROW_2 = {
  ...ROW,
  request_id: 'chatcmpl-2',
  litellm_call_id: 'call-2',
  api_key: '$APP',
  user: 'ada',
  team_id: 'crew',
  request_tags: ['red', 'blue'],
  spend: 0.01,
  startTime: '2026-01-30T10:00:00.000Z',
  endTime: '2026-01-30T10:00:00.500Z',
  completionStartTime: null,
  request_duration_ms: 500,
  created_at: '2026-01-30T10:00:00.500Z',
  updated_at: '2026-01-30T10:00:00.500Z',
  metadata: {
    ...ROW_METADATA,
    user_api_key: '$APP',
    user_api_key_alias: 'app',
    user_api_key_team_id: 'crew',
    user_api_key_user_id: 'ada',
    cost_breakdown: {
      input_cost: 0.004,
      output_cost: 0.006,
      cache_read_cost: 0,
      cache_creation_cost: 0,
      reasoning_cost: 0,
      total_cost: 0.01,
    },
  },
  tollgate: {
    ...ROW_FACTS,
    id: 'row-2',
    cost_parts: { input: 0.004, output: 0.006, cacheRead: 0, cacheWrite: 0, reasoning: 0 },
    latency_ms: { total: 500, first_token: null, upstream: 810.25, overhead: 2.25 },
  },
};

const ROW_1 = {
  ...ROW,
  request_id: 'chatcmpl-1',
  litellm_call_id: 'call-1',
  session_id: 'session-1',
  api_key: '$APP',
  user: 'ada',
  team_id: 'crew',
  organization_id: 'acme',
  end_user: 'customer-7',
  request_tags: ['red'],
  spend: 0.03,
  total_tokens: 175,
  prompt_tokens: 150,
  completion_tokens: 25,
  startTime: '2026-01-29T10:00:00.000Z',
  endTime: '2026-01-29T10:00:00.800Z',
  completionStartTime: '2026-01-29T10:00:00.200Z',
  request_duration_ms: 800,
  created_at: '2026-01-29T10:00:00.800Z',
  updated_at: '2026-01-29T10:00:00.800Z',
  metadata: {
    ...ROW_METADATA,
    note: 'n',
    user_api_key: '$APP',
    user_api_key_alias: 'app',
    user_api_key_team_id: 'crew',
    user_api_key_user_id: 'ada',
    user_api_key_org_id: 'acme',
    usage_object: {
      prompt_tokens: 150,
      completion_tokens: 25,
      total_tokens: 175,
      cache_read_input_tokens: 40,
      cache_creation_input_tokens: 10,
      reasoning_tokens: 5,
    },
    cost_breakdown: {
      input_cost: 0.01,
      output_cost: 0.02,
      cache_read_cost: 0,
      cache_creation_cost: 0,
      reasoning_cost: 0,
      total_cost: 0.03,
    },
  },
  tollgate: {
    ...ROW_FACTS,
    id: 'row-1',
    stream: true,
    tokens: {
      input: 100,
      cacheRead: 40,
      cacheWrite: 10,
      inputAudio: 0,
      output: 20,
      reasoning: 5,
      outputAudio: 0,
      source: 'provider',
    },
    cost_parts: { input: 0.01, output: 0.02, cacheRead: 0, cacheWrite: 0, reasoning: 0 },
    latency_ms: { total: 800, first_token: 200, upstream: 810.25, overhead: 2.25 },
  },
};

const SECOND_DAY = {
  ...METRICS,
  spend: 0.01,
  prompt_tokens: 100,
  completion_tokens: 20,
  total_tokens: 120,
  successful_requests: 1,
  api_requests: 1,
  total_response_time_ms: 500,
  timed_requests: 1,
};

const FIRST_DAY = {
  ...METRICS,
  spend: 0.03,
  prompt_tokens: 150,
  completion_tokens: 25,
  cache_read_input_tokens: 40,
  cache_creation_input_tokens: 10,
  total_tokens: 175,
  successful_requests: 1,
  api_requests: 1,
  total_response_time_ms: 800,
  timed_requests: 1,
};

const FAILURE = { ...METRICS, failed_requests: 1, api_requests: 1, total_response_time_ms: 100, timed_requests: 1 };

export const spend: Shapes = {
  noun: 'spend',
  names: {
    APP: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
    OTHER: 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',
  },
  rows: [
    {
      id: 'row-1',
      callId: 'call-1',
      responseId: 'chatcmpl-1',
      startedAtMs: 1769680800000,
      endedAtMs: 1769680800800,
      firstTokenAtMs: 1769680800200,
      stream: true,
      keyHash: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
      keyAlias: 'app',
      teamId: 'crew',
      userId: 'ada',
      endUser: 'customer-7',
      organizationId: 'acme',
      projectId: 'moon',
      sessionId: 'session-1',
      tags: ['red'],
      metadata: { note: 'n' },
      costNanoUsd: 30000000,
      costParts: { input: 10000000, output: 20000000, cacheRead: 0, cacheWrite: 0, reasoning: 0 },
      buckets: {
        input: 100,
        cacheRead: 40,
        cacheWrite: 10,
        inputAudio: 0,
        output: 20,
        reasoning: 5,
        outputAudio: 0,
        source: 'provider',
      },
    },
    {
      id: 'row-2',
      callId: 'call-2',
      responseId: 'chatcmpl-2',
      startedAtMs: 1769767200000,
      endedAtMs: 1769767200500,
      keyHash: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
      keyAlias: 'app',
      teamId: 'crew',
      userId: 'ada',
      tags: ['red', 'blue'],
      costNanoUsd: 10000000,
      costParts: { input: 4000000, output: 6000000, cacheRead: 0, cacheWrite: 0, reasoning: 0 },
    },
    {
      id: 'row-3',
      callId: 'call-3',
      responseId: null,
      status: 'failure',
      httpStatus: 429,
      startedAtMs: 1769767260000,
      endedAtMs: 1769767260100,
      keyHash: 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',
      keyAlias: null,
      teamId: null,
      userId: 'bob',
      costNanoUsd: 0,
      costParts: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, reasoning: 0 },
      buckets: {
        input: 0,
        cacheRead: 0,
        cacheWrite: 0,
        inputAudio: 0,
        output: 0,
        reasoning: 0,
        outputAudio: 0,
        source: 'estimated',
      },
      error: { kind: 'rate_limit', message: 'Too many requests', type: 'rate_limit_error', code: '429' },
    },
  ],
  steps: [
    {
      says: 'a user of the log',
      send: 'POST /user/new',
      body: { user_id: 'ada', user_email: 'ada@example.com', auto_create_key: false },
      answer: {
        ...KEY,
        key_name: null,
        user_id: 'ada',
        user_email: 'ada@example.com',
        user_alias: null,
        user_role: 'internal_user',
        sso_user_id: null,
        organization_memberships: null,
        teams: [],
        organizations: [],
        key: null,
        token: null,
        token_id: null,
      },
    },
    {
      says: 'a team of the log',
      send: 'POST /team/new',
      body: { team_id: 'crew', team_alias: 'Crew' },
      answer: {
        ...TEAM,
        team_id: 'crew',
        team_alias: 'Crew',
        spend: 0.04,
        total_spend: 0.04,
        team_member_budget: null,
        team_member_budget_duration: null,
        team_member_rpm_limit: null,
        team_member_tpm_limit: null,
      },
    },
    { says: 'rows of the log', send: 'GET /spend/logs', answer: [ROW_3, ROW_2, ROW_1] },
    { says: 'one row of the log', send: 'GET /spend/logs?request_id=chatcmpl-2', answer: [ROW_2] },
    {
      says: 'sums by day',
      send: 'GET /spend/logs?start_date=2026-01-29&end_date=2026-01-30',
      answer: [
        {
          $APP: 0.03,
          startTime: '2026-01-29',
          spend: 0.03,
          users: { ada: 0.03 },
          models: { 'openai/gpt-4o-mini': 0.03 },
        },
        {
          $APP: 0.01,
          $OTHER: 0,
          startTime: '2026-01-30',
          spend: 0.01,
          users: { ada: 0.01, bob: 0 },
          models: { 'openai/gpt-4o-mini': 0.01 },
        },
      ],
    },
    {
      says: 'rows between two days',
      send: 'GET /spend/logs?start_date=2026-01-29&end_date=2026-01-30&summarize=false&user_id=bob',
      answer: [ROW_3],
    },
    {
      says: 'the log by pages',
      send: 'GET /spend/logs/v2?start_date=2026-01-29&end_date=2026-01-30&page=1&page_size=1&sort_by=spend',
      answer: { data: [ROW_1], total: 3, page: 1, page_size: 1, total_pages: 3 },
    },
    {
      says: 'the log by pages for a form',
      send: 'GET /spend/logs/ui?start_date=2026-01-29&end_date=2026-01-30&status_filter=failure',
      answer: { data: [ROW_3], total: 1, page: 1, page_size: 50, total_pages: 1 },
    },
    {
      says: 'a session',
      send: 'GET /spend/logs/session/ui?session_id=session-1',
      answer: { data: [ROW_1], total: 1, page: 1, page_size: 50, total_pages: 1 },
    },
    { says: 'one request', send: 'GET /spend/logs/ui/chatcmpl-2', answer: ROW_2 },
    {
      says: 'no such request',
      send: 'GET /spend/logs/ui/chatcmpl-9',
      ...unknown('request_id', 'There is no such request.'),
    },
    { says: 'everything ever', send: 'GET /global/spend', answer: { spend: 0.04, max_budget: null } },
    {
      says: 'by key',
      send: 'GET /global/spend/keys?start_date=2026-01-29&end_date=2026-01-30',
      answer: [
        { api_key: '$APP', key_alias: null, key_name: null, total_spend: 0.04 },
        { api_key: '$OTHER', key_alias: null, key_name: null, total_spend: 0 },
      ],
    },
    {
      says: 'by model',
      send: 'GET /global/spend/models?start_date=2026-01-29&end_date=2026-01-30',
      answer: [{ model: 'openai/gpt-4o-mini', total_spend: 0.04 }],
    },
    {
      says: 'by provider',
      send: 'GET /global/spend/provider?start_date=2026-01-29&end_date=2026-01-30',
      answer: [{ provider: 'openai', spend: 0.04 }],
    },
    {
      says: 'by team',
      send: 'GET /global/spend/teams?start_date=2026-01-29&end_date=2026-01-30',
      answer: {
        daily_spend: [
          { Crew: 0.03, date: '2026-01-29' },
          { Crew: 0.01, date: '2026-01-30' },
        ],
        teams: ['Crew'],
        total_spend_per_team: [{ team_id: 'Crew', total_spend: 0.04 }],
      },
    },
    {
      says: 'by day',
      send: 'GET /global/spend/logs?start_date=2026-01-29&end_date=2026-01-30',
      answer: [
        { date: '2026-01-29', spend: 0.03 },
        { date: '2026-01-30', spend: 0.01 },
      ],
    },
    {
      says: 'by tag',
      send: 'GET /global/spend/tags?start_date=2026-01-29&end_date=2026-01-30',
      answer: {
        spend_per_tag: [
          { name: 'red', spend: 0.04, log_count: 2 },
          { name: 'blue', spend: 0.01, log_count: 1 },
        ],
      },
    },
    {
      says: 'by tag, the other way',
      send: 'GET /spend/tags?start_date=2026-01-29&end_date=2026-01-30',
      answer: [
        { individual_request_tag: 'red', log_count: 2, total_spend: 0.04 },
        { individual_request_tag: 'blue', log_count: 1, total_spend: 0.01 },
      ],
    },
    { says: 'names of tags', send: 'GET /global/spend/all_tag_names', answer: { tag_names: ['red', 'blue'] } },
    {
      says: 'by end user',
      send: 'POST /global/spend/end_users',
      body: { startTime: '2026-01-29', endTime: '2026-01-30' },
      answer: [{ end_user: 'customer-7', total_count: 1, total_spend: 0.03 }],
    },
    { says: 'keys with their spend', send: 'GET /spend/keys', answer: [] },
    {
      says: 'users with their spend',
      send: 'GET /spend/users',
      answer: [
        { ...USER, user_id: 'ada', user_email: 'ada@example.com', spend: 0.04, total_spend: 0.04 },
        { user_id: 'bob', spend: 0, total_spend: 0, budget_reset_at: null },
      ],
    },
    {
      says: 'one user with their spend',
      send: 'GET /spend/users?user_id=ada',
      answer: [{ ...USER, user_id: 'ada', user_email: 'ada@example.com', spend: 0.04, total_spend: 0.04 }],
    },
    {
      says: 'a report by team',
      send: 'GET /global/spend/report?start_date=2026-01-29&end_date=2026-01-30&group_by=team',
      answer: [
        {
          group_by_day: '2026-01-29T00:00:00+00:00',
          teams: [
            {
              team_name: 'Crew',
              total_spend: 0.03,
              metadata: [{ model: 'openai/gpt-4o-mini', spend: 0.03, total_tokens: 175, api_key: '$APP' }],
            },
          ],
        },
        {
          group_by_day: '2026-01-30T00:00:00+00:00',
          teams: [
            {
              team_name: 'Crew',
              total_spend: 0.01,
              metadata: [{ model: 'openai/gpt-4o-mini', spend: 0.01, total_tokens: 120, api_key: '$APP' }],
            },
            {
              team_name: 'Unassigned Team',
              total_spend: 0,
              metadata: [{ model: 'openai/gpt-4o-mini', spend: 0, total_tokens: 0, api_key: '$OTHER' }],
            },
          ],
        },
      ],
    },
    {
      says: 'a report by customer',
      send: 'GET /global/spend/report?start_date=2026-01-29&end_date=2026-01-30&group_by=customer',
      answer: [
        {
          group_by_day: '2026-01-29T00:00:00+00:00',
          customers: [
            {
              customer: 'customer-7',
              total_spend: 0.03,
              metadata: [{ model: 'openai/gpt-4o-mini', spend: 0.03, total_tokens: 175, api_key: '$APP' }],
            },
          ],
        },
        {
          group_by_day: '2026-01-30T00:00:00+00:00',
          customers: [
            {
              customer: '',
              total_spend: 0.01,
              metadata: [
                { model: 'openai/gpt-4o-mini', spend: 0.01, total_tokens: 120, api_key: '$APP' },
                { model: 'openai/gpt-4o-mini', spend: 0, total_tokens: 0, api_key: '$OTHER' },
              ],
            },
          ],
        },
      ],
    },
    {
      says: 'a report by key',
      send: 'GET /global/spend/report?start_date=2026-01-29&end_date=2026-01-30&group_by=api_key',
      answer: [
        {
          api_key: '$APP',
          total_cost: 0.04,
          total_input_tokens: 250,
          total_output_tokens: 45,
          model_details: [
            { model: 'openai/gpt-4o-mini', total_cost: 0.04, total_input_tokens: 250, total_output_tokens: 45 },
          ],
        },
        {
          api_key: '$OTHER',
          total_cost: 0,
          total_input_tokens: 0,
          total_output_tokens: 0,
          model_details: [
            { model: 'openai/gpt-4o-mini', total_cost: 0, total_input_tokens: 0, total_output_tokens: 0 },
          ],
        },
      ],
    },
    {
      says: 'a report of what one person has spent, by their keys',
      send: 'GET /global/spend/report?start_date=2026-01-29&end_date=2026-01-30&internal_user_id=bob',
      answer: [
        {
          api_key: '$OTHER',
          total_cost: 0,
          total_input_tokens: 0,
          total_output_tokens: 0,
          model_details: [
            { model: 'openai/gpt-4o-mini', total_cost: 0, total_input_tokens: 0, total_output_tokens: 0 },
          ],
        },
      ],
    },
    {
      says: 'a report of teams',
      send: 'GET /team/spend/report?start_date=2026-01-29&end_date=2026-01-30',
      answer: [
        {
          group_by_day: '2026-01-29T00:00:00+00:00',
          teams: [
            {
              team_name: 'Crew',
              total_spend: 0.03,
              metadata: [{ model: 'openai/gpt-4o-mini', spend: 0.03, total_tokens: 175, api_key: '$APP' }],
            },
          ],
        },
        {
          group_by_day: '2026-01-30T00:00:00+00:00',
          teams: [
            {
              team_name: 'Crew',
              total_spend: 0.01,
              metadata: [{ model: 'openai/gpt-4o-mini', spend: 0.01, total_tokens: 120, api_key: '$APP' }],
            },
            {
              team_name: 'Unassigned Team',
              total_spend: 0,
              metadata: [{ model: 'openai/gpt-4o-mini', spend: 0, total_tokens: 0, api_key: '$OTHER' }],
            },
          ],
        },
      ],
    },
    {
      says: 'a report of users',
      send: 'GET /user/spend/report?start_date=2026-01-29&end_date=2026-01-30',
      answer: [
        {
          group_by_day: '2026-01-29T00:00:00+00:00',
          users: [
            {
              user_id: 'ada',
              total_spend: 0.03,
              metadata: [{ model: 'openai/gpt-4o-mini', spend: 0.03, total_tokens: 175, api_key: '$APP' }],
            },
          ],
        },
        {
          group_by_day: '2026-01-30T00:00:00+00:00',
          users: [
            {
              user_id: 'ada',
              total_spend: 0.01,
              metadata: [{ model: 'openai/gpt-4o-mini', spend: 0.01, total_tokens: 120, api_key: '$APP' }],
            },
            {
              user_id: 'bob',
              total_spend: 0,
              metadata: [{ model: 'openai/gpt-4o-mini', spend: 0, total_tokens: 0, api_key: '$OTHER' }],
            },
          ],
        },
      ],
    },
    {
      says: 'a report of keys',
      send: 'GET /key/spend/report?start_date=2026-01-29&end_date=2026-01-30',
      answer: [
        {
          api_key: '$APP',
          total_cost: 0.04,
          total_input_tokens: 250,
          total_output_tokens: 45,
          model_details: [
            { model: 'openai/gpt-4o-mini', total_cost: 0.04, total_input_tokens: 250, total_output_tokens: 45 },
          ],
        },
        {
          api_key: '$OTHER',
          total_cost: 0,
          total_input_tokens: 0,
          total_output_tokens: 0,
          model_details: [
            { model: 'openai/gpt-4o-mini', total_cost: 0, total_input_tokens: 0, total_output_tokens: 0 },
          ],
        },
      ],
    },
    {
      says: 'a report of organizations',
      send: 'GET /organization/spend/report?start_date=2026-01-29&end_date=2026-01-30',
      answer: [
        {
          group_by_day: '2026-01-29T00:00:00+00:00',
          organizations: [
            {
              organization_id: 'acme',
              total_spend: 0.03,
              metadata: [{ model: 'openai/gpt-4o-mini', spend: 0.03, total_tokens: 175, api_key: '$APP' }],
            },
          ],
        },
      ],
    },
    {
      says: 'requests of each day',
      send: 'GET /global/activity?start_date=2026-01-29&end_date=2026-01-30',
      answer: {
        daily_data: [
          { date: '2026-01-29', api_requests: 1, total_tokens: 175 },
          { date: '2026-01-30', api_requests: 2, total_tokens: 120 },
        ],
        sum_api_requests: 3,
        sum_total_tokens: 295,
      },
    },
    {
      says: 'requests of each day and model',
      send: 'GET /global/activity/model?start_date=2026-01-29&end_date=2026-01-30',
      answer: [
        {
          model: 'gpt-4o-mini',
          daily_data: [
            { date: '2026-01-29', api_requests: 1, total_tokens: 175 },
            { date: '2026-01-30', api_requests: 2, total_tokens: 120 },
          ],
          sum_api_requests: 3,
          sum_total_tokens: 295,
        },
      ],
    },
    {
      says: 'refusals of each day',
      send: 'GET /global/activity/exceptions?start_date=2026-01-29&end_date=2026-01-30',
      answer: { daily_data: [{ date: '2026-01-30', num_rate_limit_exceptions: 1 }], sum_num_rate_limit_exceptions: 1 },
    },
    {
      says: 'refusals of each deployment',
      send: 'GET /global/activity/exceptions/deployment?start_date=2026-01-29&end_date=2026-01-30',
      answer: [
        {
          api_base: 'deployment-1',
          daily_data: [{ date: '2026-01-30', num_rate_limit_exceptions: 1 }],
          sum_num_rate_limit_exceptions: 1,
        },
      ],
    },
    {
      says: 'hits of a cache',
      send: 'GET /global/activity/cache_hits?start_date=2026-01-29&end_date=2026-01-30',
      warning: 'there is no response cache yet: nothing is a hit',
      answer: [
        {
          api_key: '$APP',
          call_type: '/v1/chat/completions',
          model: 'openai/gpt-4o-mini',
          total_rows: 2,
          cache_hit_true_rows: 0,
          cached_completion_tokens: 0,
          generated_completion_tokens: 45,
        },
        {
          api_key: '$OTHER',
          call_type: '/v1/chat/completions',
          model: 'openai/gpt-4o-mini',
          total_rows: 1,
          cache_hit_true_rows: 0,
          cached_completion_tokens: 0,
          generated_completion_tokens: 0,
        },
      ],
    },
    {
      says: 'days of users',
      send: 'GET /user/daily/activity?start_date=2026-01-29&end_date=2026-01-30&user_id=ada',
      answer: {
        results: [
          {
            date: '2026-01-30',
            metrics: SECOND_DAY,
            breakdown: {
              models: { 'openai/gpt-4o-mini': { metrics: SECOND_DAY, metadata: {} } },
              model_groups: { 'gpt-4o-mini': { metrics: SECOND_DAY, metadata: {} } },
              mcp_servers: {},
              providers: { openai: { metrics: SECOND_DAY, metadata: {} } },
              endpoints: { '/v1/chat/completions': { metrics: SECOND_DAY, metadata: {} } },
              api_keys: {
                $APP: {
                  metrics: SECOND_DAY,
                  metadata: { key_alias: null, team_id: null, user_id: null, user_email: null, key_exists: false },
                },
              },
              entities: { ada: { metrics: SECOND_DAY, metadata: { user_email: 'ada@example.com', user_alias: null } } },
              guardrails: {},
            },
          },
          {
            date: '2026-01-29',
            metrics: FIRST_DAY,
            breakdown: {
              models: { 'openai/gpt-4o-mini': { metrics: FIRST_DAY, metadata: {} } },
              model_groups: { 'gpt-4o-mini': { metrics: FIRST_DAY, metadata: {} } },
              mcp_servers: {},
              providers: { openai: { metrics: FIRST_DAY, metadata: {} } },
              endpoints: { '/v1/chat/completions': { metrics: FIRST_DAY, metadata: {} } },
              api_keys: {
                $APP: {
                  metrics: FIRST_DAY,
                  metadata: { key_alias: null, team_id: null, user_id: null, user_email: null, key_exists: false },
                },
              },
              entities: { ada: { metrics: FIRST_DAY, metadata: { user_email: 'ada@example.com', user_alias: null } } },
              guardrails: {},
            },
          },
        ],
        metadata: {
          ...DAY_TOTALS,
          total_spend: 0.04,
          total_prompt_tokens: 250,
          total_completion_tokens: 45,
          total_cache_read_input_tokens: 40,
          total_cache_creation_input_tokens: 10,
          total_tokens: 295,
          total_successful_requests: 2,
          total_api_requests: 2,
          total_response_time_ms: 1300,
          total_timed_requests: 2,
          total_pages: 1,
        },
      },
    },
    {
      says: 'days of users as one',
      send: 'GET /user/daily/activity/aggregated?start_date=2026-01-29&end_date=2026-01-30&user_id=bob',
      answer: {
        results: [
          {
            date: '2026-01-30',
            metrics: FAILURE,
            breakdown: {
              models: { 'openai/gpt-4o-mini': { metrics: FAILURE, metadata: {} } },
              model_groups: { 'gpt-4o-mini': { metrics: FAILURE, metadata: {} } },
              mcp_servers: {},
              providers: { openai: { metrics: FAILURE, metadata: {} } },
              endpoints: { '/v1/chat/completions': { metrics: FAILURE, metadata: {} } },
              api_keys: {
                $OTHER: {
                  metrics: FAILURE,
                  metadata: { key_alias: null, team_id: null, user_id: null, user_email: null, key_exists: false },
                },
              },
              entities: { bob: { metrics: FAILURE, metadata: {} } },
              guardrails: {},
            },
          },
        ],
        metadata: {
          ...DAY_TOTALS,
          total_failed_requests: 1,
          total_api_requests: 1,
          total_response_time_ms: 100,
          total_timed_requests: 1,
          total_pages: 1,
        },
      },
    },
    {
      says: 'days of teams',
      send: 'GET /team/daily/activity?start_date=2026-01-29&end_date=2026-01-30&page_size=1',
      answer: {
        results: [
          {
            date: '2026-01-30',
            metrics: SECOND_DAY,
            breakdown: {
              models: { 'openai/gpt-4o-mini': { metrics: SECOND_DAY, metadata: {} } },
              model_groups: { 'gpt-4o-mini': { metrics: SECOND_DAY, metadata: {} } },
              mcp_servers: {},
              providers: { openai: { metrics: SECOND_DAY, metadata: {} } },
              endpoints: { '/v1/chat/completions': { metrics: SECOND_DAY, metadata: {} } },
              api_keys: {
                $APP: {
                  metrics: SECOND_DAY,
                  metadata: { key_alias: null, team_id: null, user_id: null, user_email: null, key_exists: false },
                },
              },
              entities: { crew: { metrics: SECOND_DAY, metadata: { team_alias: 'Crew' } } },
              guardrails: {},
            },
          },
        ],
        metadata: {
          ...DAY_TOTALS,
          total_spend: 0.04,
          total_prompt_tokens: 250,
          total_completion_tokens: 45,
          total_cache_read_input_tokens: 40,
          total_cache_creation_input_tokens: 10,
          total_tokens: 295,
          total_successful_requests: 2,
          total_api_requests: 2,
          total_response_time_ms: 1300,
          total_timed_requests: 2,
          total_pages: 2,
          has_more: true,
        },
      },
    },
    {
      says: 'days of teams as one',
      send: 'GET /team/daily/activity/aggregated?start_date=2026-01-29&end_date=2026-01-30&team_ids=nowhere',
      answer: { results: [], metadata: { ...DAY_TOTALS } },
    },
    {
      says: 'days of tags',
      send: 'GET /tag/daily/activity?start_date=2026-01-29&end_date=2026-01-30&tags=none',
      answer: { results: [], metadata: { ...DAY_TOTALS } },
    },
    {
      says: 'days of tags as one',
      send: 'GET /tag/daily/activity/aggregated?start_date=2026-01-29&end_date=2026-01-30&tags=none',
      answer: { results: [], metadata: { ...DAY_TOTALS } },
    },
    {
      says: 'days of organizations',
      send: 'GET /organization/daily/activity?start_date=2026-01-29&end_date=2026-01-30&organization_ids=none',
      answer: { results: [], metadata: { ...DAY_TOTALS } },
    },
    {
      says: 'days of organizations as one',
      send: 'GET /organization/daily/activity/aggregated?start_date=2026-01-29&end_date=2026-01-30&organization_ids=none',
      answer: { results: [], metadata: { ...DAY_TOTALS } },
    },
    {
      says: 'days of customers',
      send: 'GET /customer/daily/activity?start_date=2026-01-29&end_date=2026-01-30&end_user_ids=none',
      answer: { results: [], metadata: { ...DAY_TOTALS } },
    },
    {
      says: 'days of customers as one',
      send: 'GET /customer/daily/activity/aggregated?start_date=2026-01-29&end_date=2026-01-30&end_user_ids=none',
      answer: { results: [], metadata: { ...DAY_TOTALS } },
    },
    {
      says: 'days of customers by the other name',
      send: 'GET /end_user/daily/activity?start_date=2026-01-29&end_date=2026-01-30&end_user_ids=none',
      answer: { results: [], metadata: { ...DAY_TOTALS } },
    },
    {
      says: 'days of customers by the other name as one',
      send: 'GET /end_user/daily/activity/aggregated?start_date=2026-01-29&end_date=2026-01-30&end_user_ids=none',
      answer: { results: [], metadata: { ...DAY_TOTALS } },
    },
    {
      says: 'what messages would cost',
      send: 'POST /spend/calculate',
      body: { model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'Hello there.' }] },
      answer: { cost: 4.5e-7 },
    },
    {
      says: 'what an answer did cost',
      send: 'POST /spend/calculate',
      body: {
        completion_response: {
          model: 'gpt-4o-mini',
          usage: { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100 },
        },
      },
      answer: { cost: 0.00021 },
    },
    {
      says: 'a model without a price',
      send: 'POST /spend/calculate',
      body: { model: 'nobody-knows-this', messages: [] },
      ...refused(
        'model',
        "The model 'nobody-knows-this' has no price here. Set input_cost_per_token and output_cost_per_token for it.",
      ),
    },
    {
      says: 'nothing to calculate',
      send: 'POST /spend/calculate',
      body: {},
      ...refused('model', "'model' is missing: whose prices are meant?"),
    },
    {
      says: 'a day that is none',
      send: 'GET /spend/logs?start_date=soon',
      ...refused(
        'start_date',
        "'start_date' must be a date such as 2026-01-31, or a time such as 2026-01-31 14:00:00.",
      ),
    },
    {
      says: 'a zone that is none',
      send: 'GET /user/daily/activity?start_date=2026-01-29&end_date=2026-01-30&timezone=Moon',
      ...refused(
        'timezone',
        "'timezone' must be an IANA name such as Europe/Berlin, or minutes behind UTC such as -60.",
      ),
    },
    {
      says: 'days the wrong way round',
      send: 'GET /global/activity?start_date=2026-01-30&end_date=2026-01-29',
      ...refused('start_date', "'start_date' must not be after 'end_date'."),
    },
    {
      says: 'a query that nobody knows',
      send: 'GET /global/spend/report?groupby=team',
      ...refused('groupby', 'Unknown field \'groupby\'. Did you mean "group_by"?'),
    },
    {
      says: 'why a request went where it went',
      send: 'GET /v1/explain/call-2',
      answer: {
        call_id: 'call-2',
        id: 'row-2',
        dry: false,
        route: '/v1/chat/completions',
        stream: false,
        decision: 'asked',
        status: 'success',
        http_status: 200,
        requested_model: 'gpt-4o-mini',
        model_group: 'gpt-4o-mini',
        deployment: 'deployment-1',
        model: 'openai/gpt-4o-mini',
        provider: 'openai',
        started_at: '2026-01-30T10:00:00.000Z',
        duration_ms: 500,
        cost: 0.01,
        choices: [
          {
            group: 'gpt-4o-mini',
            strategy: 'only one',
            candidates: [{ deployment: 'deployment-1', score: 0, health: 'up' }],
            passed_over: [],
            picked: 'deployment-1',
            pinned: false,
          },
        ],
        attempts: [],
        not_asked: [],
        waits: [],
        limits: [],
        refused_by: null,
        changes: [],
        error: null,
      },
    },
    { says: 'of no such request', send: 'GET /v1/explain/call-9', ...unknown('call_id', 'There is no such request.') },
    {
      says: 'that all spend was reset',
      send: 'POST /global/spend/reset',
      answer: {
        message: 'Spend for all API Keys and Teams reset successfully',
        status: 'success',
        keys: 0,
        teams: 1,
      },
    },
  ],
};
