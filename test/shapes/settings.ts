/** Settings at run time, and how deployments are. */
import { refused, type Shapes, unknown } from './step.ts';

export const settings: Shapes = {
  noun: 'settings and health',
  configuration: {
    model_list: [
      {
        model_name: 'filed',
        litellm_params: {
          model: 'openai/gpt-4o-mini',
          api_key: 'sk-in-the-file-and-shown-nowhere',
          api_base: 'http://127.0.0.1:9/v1',
        },
        model_info: { id: 'filed-1' },
      },
    ],
    router_settings: { num_retries: 1 },
  },
  steps: [
    {
      says: 'which deployments are well',
      send: 'GET /health',
      answer: {
        healthy_endpoints: [],
        unhealthy_endpoints: [],
        healthy_count: 0,
        unhealthy_count: 0,
        tollgate: { probes: false, probed: 0, probes_left_this_hour: 0 },
      },
    },
    {
      says: 'one of them',
      send: 'GET /health?model=nowhere',
      ...unknown('model', 'No deployment is served for model "nowhere". See /model/info.'),
    },
    {
      says: 'what is known of them',
      send: 'GET /health/latest',
      answer: { latest_health_checks: {}, total_models: 0 },
    },
    {
      says: 'what has happened',
      send: 'GET /health/history',
      answer: { health_checks: [], total_records: 0, limit: 100, offset: 0 },
    },
    {
      says: 'services outside',
      send: 'GET /health/services',
      answer: { services: [], message: 'No service is configured.' },
    },
    {
      says: 'one of the router’s settings set',
      send: 'POST /config/update',
      body: { router_settings: { num_retries: 3 } },
      answer: { message: 'Config updated successfully' },
    },
    {
      says: 'one field set',
      send: 'POST /config/field/update',
      body: { field_name: 'num_retries', field_value: 2, config_type: 'router_settings' },
      answer: {
        field_name: 'num_retries',
        field_value: 2,
        config_type: 'router_settings',
        stored_in_db: true,
        source: 'db',
        editable: true,
      },
    },
    {
      says: 'one field',
      send: 'GET /config/field/info?field_name=num_retries&config_type=router_settings',
      answer: {
        field_name: 'num_retries',
        field_value: 2,
        config_type: 'router_settings',
        stored_in_db: true,
        source: 'db',
        editable: true,
      },
    },
    {
      says: 'one field taken back',
      send: 'POST /config/field/delete',
      body: { field_name: 'num_retries', config_type: 'router_settings' },
      answer: {
        field_name: 'num_retries',
        field_value: 1,
        config_type: 'router_settings',
        stored_in_db: false,
        source: 'config',
        editable: true,
      },
    },
    {
      says: 'the configuration',
      send: 'GET /config/yaml',
      answer: {
        model_list: [{ model_name: 'filed' }],
        router_settings: { num_retries: 1 },
        litellm_settings: {},
        general_settings: { master_key: '********' },
        tollgate: { made_at_run_time: { router_settings: {} }, left_out: null },
      },
    },
    {
      says: 'a field that nobody knows',
      send: 'GET /config/field/info?field_name=nothing',
      ...unknown('field_name', 'There is no general_settings field "nothing".'),
    },
    {
      says: 'nothing to set',
      send: 'POST /config/update',
      body: {},
      status: 400,
      answer: {
        error: {
          message: 'Nothing to change was sent: give router_settings, litellm_settings or general_settings.',
          type: 'invalid_request_error',
          param: null,
          code: '400',
        },
      },
    },
    {
      says: 'an unknown section',
      send: 'POST /config/update',
      body: { model_list: [] },
      ...refused('model_list', "'model_list' use /model/new and /model/update."),
    },
    {
      says: 'a setting of the wrong type',
      send: 'POST /config/update',
      body: { router_settings: { num_retries: 'many' } },
      ...refused(
        'router_settings.num_retries',
        "'router_settings.num_retries' must be a whole number, 0 or more, not text.",
      ),
    },
    {
      says: 'a service that is none',
      send: 'GET /health/services?service=slack',
      status: 422,
      answer: {
        error: {
          message: 'The service "slack" is not configured here. Configured are: none.',
          type: 'invalid_request_error',
          param: 'service',
          code: '422',
        },
      },
    },
  ],
};
