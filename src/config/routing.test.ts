import { describe, expect, test } from 'bun:test';
import { errorsOf, findingsOf, load } from '../../test/support/config-files.ts';
import type { Config, Finding } from './config.ts';

const MODELS = `model_list:
  - {model_name: a, litellm_params: {model: openai/a}}
  - {model_name: b, litellm_params: {model: openai/b}}
  - {model_name: c, litellm_params: {model: openai/c}}
  - {model_name: "groq/*", litellm_params: {model: "groq/*"}}
`;
const text = (settings: string): string => `${MODELS}router_settings:\n  ${settings}\n`;
const router = (settings: string): Config['router'] => load(text(settings)).router;
const at = (settings: string, level: Finding['level'] = 'error'): string[] =>
  findingsOf(text(settings))
    .filter((finding) => finding.level === level)
    .map(({ path, message, position }) => `${position?.line}:${position?.column} ${path}: ${message}`);

describe('without any setting', () => {
  test('deployments are shuffled, rest for five seconds, and nothing is filtered or kept together', () => {
    expect(load(MODELS).router).toMatchObject({
      strategy: 'simple-shuffle',
      cooldownMs: 5_000,
      disableCooldowns: false,
      allowedFails: undefined,
      allowedFailsPolicy: {},
      retryPolicy: {},
      groupRetryPolicy: {},
      preCallChecks: false,
      tagFiltering: false,
      tagMatchAny: true,
      tagPrefix: '',
      affinity: { prompt: false, session: false, key: false, response: false, ttlMs: 3_600_000 },
      contextWindowFallbacks: {},
      contentPolicyFallbacks: {},
    });
  });
});

describe('the strategy', () => {
  test.each([
    ['simple-shuffle', 'simple-shuffle'],
    ['least-busy', 'least-busy'],
    ['usage-based-routing-v2', 'usage-based-routing-v2'],
    ['usage-based-routing', 'usage-based-routing-v2'],
    ['latency-based-routing', 'latency-based-routing'],
    ['cost-based-routing', 'cost-based-routing'],
  ] as const)('%s is %s', (written, used) => {
    expect(router(`routing_strategy: ${written}`).strategy).toBe(used);
    expect(at(`routing_strategy: ${written}`, 'ignored')).toEqual([]);
  });

  test('that LiteLLM has and Tollgate has not is said to be ignored', () => {
    expect(router('routing_strategy: lar1').strategy).toBe('simple-shuffle');
    expect(at('routing_strategy: lar1', 'ignored')).toEqual([
      '7:21 router_settings.routing_strategy: is not there yet; simple-shuffle is used instead',
    ]);
  });

  test('that exists nowhere is an error with what there is', () => {
    expect(at('routing_strategy: least-bussy')).toEqual([
      '7:21 router_settings.routing_strategy: must be one of simple-shuffle, least-busy, usage-based-routing-v2, latency-based-routing, cost-based-routing, usage-based-routing. Did you mean "least-busy"?',
    ]);
    expect(at('routing_strategy: [least-busy]')).toHaveLength(1);
  });
});

describe('cooldowns', () => {
  test('take seconds, also below one and none', () => {
    expect(router('cooldown_time: 30').cooldownMs).toBe(30_000);
    expect(router('cooldown_time: 0.25').cooldownMs).toBe(250);
    expect(router('cooldown_time: 0').cooldownMs).toBe(0);
    expect(router('disable_cooldowns: true').disableCooldowns).toBe(true);
  });

  test('of one deployment are its own', () => {
    const { deployments } = load('model_list: [{model_name: a, litellm_params: {model: openai/a, cooldown_time: 2}}]');
    expect(deployments[0]?.cooldownMs).toBe(2_000);
    expect(load(MODELS).deployments[0]?.cooldownMs).toBeUndefined();
  });

  test('allow as many failures as router_settings say, else litellm_settings', () => {
    expect(router('allowed_fails: 3').allowedFails).toBe(3);
    expect(load(`${MODELS}litellm_settings: {allowed_fails: 7}`).router.allowedFails).toBe(7);
    expect(load(`${text('allowed_fails: 0')}litellm_settings: {allowed_fails: 7}`).router.allowedFails).toBe(0);
  });
});

const NAMES = {
  bad_request: 'BadRequestError',
  authentication: 'AuthenticationError',
  timeout: 'TimeoutError',
  rate_limit: 'RateLimitError',
  content_policy: 'ContentPolicyViolationError',
  internal: 'InternalServerError',
  unavailable: 'ServiceUnavailableError',
  bad_gateway: 'BadGatewayError',
  not_found: 'NotFoundError',
};

describe('policies', () => {
  test.each(Object.entries(NAMES))('count %s by LiteLLM’s name of it', (errorClass, name) => {
    expect(router(`allowed_fails_policy: {${name}AllowedFails: 4}`).allowedFailsPolicy).toEqual({ [errorClass]: 4 });
    expect(router(`retry_policy: {${name}Retries: 0}`).retryPolicy).toEqual({ [errorClass]: 0 });
    expect(router(`model_group_retry_policy: {a: {${name}Retries: 1}}`).groupRetryPolicy).toEqual({
      a: { [errorClass]: 1 },
    });
  });

  test('of retries have a count for all the others', () => {
    expect(router('retry_policy: {DefaultRetries: 1, TimeoutErrorRetries: 3}').retryPolicy).toEqual({
      default: 1,
      timeout: 3,
    });
    expect(errorsOf(text('allowed_fails_policy: {DefaultRetries: 1}'))).toHaveLength(1);
  });

  test.each([
    [
      'retry_policy: {TimeoutErrorRetrys: 1}',
      '7:18 router_settings.retry_policy.TimeoutErrorRetrys: nobody knows this key. Did you mean "TimeoutErrorRetries"?',
    ],
    [
      'allowed_fails_policy: {RateLimitErrorAllowedFail: 1}',
      '7:26 router_settings.allowed_fails_policy.RateLimitErrorAllowedFail: nobody knows this key. Did you mean "RateLimitErrorAllowedFails"?',
    ],
    [
      'model_group_retry_policy: {a: {TimeoutErrorRetrie: 1}}',
      '7:34 router_settings.model_group_retry_policy.a.TimeoutErrorRetrie: nobody knows this key. Did you mean "TimeoutErrorRetries"?',
    ],
  ])('%s names nothing', (settings, message) => {
    expect(at(settings, 'unknown')).toEqual([message]);
  });

  test('for a model that is not there are worth a word', () => {
    const warnings = at('model_group_retry_policy: {aa: {TimeoutErrorRetries: 1}}', 'warning');
    expect(warnings).toEqual([
      '7:34 router_settings.model_group_retry_policy.aa: no model "aa" is in model_list, so this is never used. Did you mean "a"?',
    ]);
    expect(at('model_group_retry_policy: {groq/x: {TimeoutErrorRetries: 1}}', 'warning')).toEqual([]);
  });
});

describe('filters and pins', () => {
  test('are switched one by one', () => {
    expect(router('enable_pre_call_checks: true').preCallChecks).toBe(true);
    expect(router('enable_tag_filtering: true').tagFiltering).toBe(true);
    expect(router('tag_filtering_match_any: false').tagMatchAny).toBe(false);
    expect(router('tag_routing_prefix: "route:"').tagPrefix).toBe('route:');
    expect(router('deployment_affinity_ttl_seconds: 90').affinity.ttlMs).toBe(90_000);
  });

  test.each([
    ['prompt_caching', 'prompt'],
    ['session_affinity', 'session'],
    ['deployment_affinity', 'key'],
    ['responses_api_deployment_check', 'response'],
  ] as const)('%s keeps together by the %s', (check, by) => {
    const { ttlMs: _, ...on } = router(`optional_pre_call_checks: [${check}]`).affinity;
    expect(Object.entries(on).filter(([, isOn]) => isOn)).toEqual([[by, true]]);
  });

  test('that are always on here need not be switched, and those that are not there are named', () => {
    const always = 'optional_pre_call_checks: [router_budget_limiting, enforce_model_rate_limits]';
    expect([...at(always), ...at(always, 'ignored')]).toEqual([]);
    expect(at('optional_pre_call_checks: [encrypted_content_affinity]', 'ignored')).toEqual([
      '7:3 router_settings.optional_pre_call_checks: "encrypted_content_affinity" is not there yet',
    ]);
    expect(at('optional_pre_call_checks: [session_afinity]')).toEqual([
      expect.stringMatching(/^7:3 router_settings\.optional_pre_call_checks: .* Did you mean "session_affinity"\?$/),
    ]);
  });

  test('of a deployment are its order, its tags and its shadow', () => {
    const { deployments } = load(
      'model_list: [{model_name: a, litellm_params: {model: openai/a, order: 2, tags: [paid, eu], silent_model: a}}]',
    );
    expect(deployments[0]).toMatchObject({ order: 2, tags: ['paid', 'eu'] });
    expect(
      load('model_list: [{model_name: a, litellm_params: {model: openai/a, tags: paid}}]').deployments[0]?.tags,
    ).toEqual(['paid']);
  });

  test('of hedging are a list of names', () => {
    expect(load(`${MODELS}tollgate_settings: {hedging: [a, b]}`).router.hedgedGroups).toEqual(['a', 'b']);
  });
});

describe('a name that nothing serves', () => {
  test('in hedging or as a silent_model is told, and its like is named', () => {
    const told = (text: string): string[] =>
      findingsOf(text).flatMap(({ level, path, message }) => (level === 'warning' ? [`${path}: ${message}`] : []));
    expect(
      told('model_list: [{model_name: abcd, litellm_params: {model: openai/a, silent_model: [abcd, abce]}}]'),
    ).toEqual([
      'model_list entry "abcd": silent_model: no model "abce" is in model_list, so this is never used. Did you mean "abcd"?',
    ]);
    expect(
      told('model_list: [{model_name: abcd, litellm_params: {model: openai/a}}]\ntollgate_settings: {hedging: [abc]}'),
    ).toEqual([
      'tollgate_settings.hedging: no model "abc" is in model_list, so this is never used. Did you mean "abcd"?',
    ]);
  });
});

describe('a wrong value', () => {
  test.each([
    ['allowed_fails: -1', '7:18 router_settings.allowed_fails: must be a whole number, 0 or more'],
    ['allowed_fails: some', '7:18 router_settings.allowed_fails: must be a whole number, 0 or more'],
    ['cooldown_time: soon', '7:18 router_settings.cooldown_time: must be a number of seconds, 0 or more'],
    ['cooldown_time: -5', '7:18 router_settings.cooldown_time: must be a number of seconds, 0 or more'],
    ['disable_cooldowns: maybe', '7:22 router_settings.disable_cooldowns: must be true or false'],
    ['enable_pre_call_checks: 7', '7:27 router_settings.enable_pre_call_checks: must be true or false'],
    ['enable_tag_filtering: []', '7:25 router_settings.enable_tag_filtering: must be true or false'],
    ['tag_filtering_match_any: x', '7:28 router_settings.tag_filtering_match_any: must be true or false'],
    ['optional_pre_call_checks: {a: 1}', '7:29 router_settings.optional_pre_call_checks: must be a list of texts'],
    [
      'deployment_affinity_ttl_seconds: 0',
      '7:36 router_settings.deployment_affinity_ttl_seconds: must be a number of seconds, more than 0',
    ],
    ['retry_policy: [1]', '7:17 router_settings.retry_policy: must be a mapping'],
    ['retry_policy: {DefaultRetries: 1.5}', '7:34 router_settings.retry_policy.DefaultRetries: must be a whole number'],
    ['allowed_fails_policy: 3', '7:25 router_settings.allowed_fails_policy: must be a mapping'],
    ['model_group_retry_policy: [a]', '7:29 router_settings.model_group_retry_policy: must be a mapping'],
    ['model_group_retry_policy: {a: 1}', '7:33 router_settings.model_group_retry_policy.a: must be a mapping'],
  ])('%s is an error at its line', (settings, message) => {
    expect(at(settings)).toEqual([expect.stringContaining(message)]);
  });

  test.each([
    ['cooldown_times: 5', 'cooldown_time'],
    ['enable_tag_filterin: true', 'enable_tag_filtering'],
    ['context_window_fallback: []', 'context_window_fallbacks'],
    ['content_policy_fallback: []', 'content_policy_fallbacks'],
    ['retry_polici: {}', 'retry_policy'],
  ])('%s is no key, and the near one is named', (settings, near) => {
    expect(at(settings, 'unknown')).toEqual([expect.stringContaining(`Did you mean "${near}"?`)]);
  });

  test.each([
    ['order: first', 'order: must be a whole number'],
    ['cooldown_time: -1', 'cooldown_time: must be a number of seconds'],
    ['tags: {a: b}', 'tags: must be a list of texts'],
    ['silent_model: {a: b}', 'silent_model: must be a list of texts'],
  ])('%s of a deployment is one too', (params, message) => {
    const errors = errorsOf(`model_list: [{model_name: a, litellm_params: {model: openai/a, ${params}}}]`);
    expect(errors).toEqual([expect.stringContaining(`model_list.0.litellm_params.${message}`)]);
  });
});

const LISTS = ['fallbacks', 'context_window_fallbacks', 'content_policy_fallbacks'] as const;
const READ = {
  fallbacks: 'fallbacks',
  context_window_fallbacks: 'contextWindowFallbacks',
  content_policy_fallbacks: 'contentPolicyFallbacks',
} as const;

describe.each(LISTS)('%s', (list) => {
  const read = (config: Config): unknown => config.router[READ[list]];

  test('are read in order, by group, and from litellm_settings when router_settings have none', () => {
    expect(read(load(text(`${list}: [{a: [b, c]}, {b: c}]`)))).toEqual({ a: ['b', 'c'], b: ['c'] });
    const litellm = `litellm_settings: {${list}: [{a: [c]}]}\n`;
    expect(read(load(MODELS + litellm))).toEqual({ a: ['c'] });
    expect(read(load(text(`${list}: [{a: [b]}]`) + litellm))).toEqual({ a: ['b'] });
  });

  test('in a circle are an error that shows the circle', () => {
    expect(at(`${list}: [{a: [b]}, {b: [c]}, {c: [a]}]`)).toEqual([
      `7:${list.length + 11} router_settings.${list}.0.a: "a" falls back to itself: a → b → c → a`,
    ]);
    expect(at(`${list}: [{a: [a]}]`)).toHaveLength(1);
    expect(errorsOf(`${MODELS}litellm_settings: {${list}: [{a: [b]}, {b: [a]}]}`)).toEqual([
      `litellm_settings.${list}.0.a: "a" falls back to itself: a → b → a`,
    ]);
  });

  test('that meet again, or cross another list, are no circle', () => {
    expect(at(`${list}: [{a: [b, c]}, {b: [c]}]`)).toEqual([]);
    const other = LISTS.find((one) => one !== list);
    expect(at(`${list}: [{a: [b]}]\n  ${other}: [{b: [a]}]`)).toEqual([]);
  });

  test('to nothing are an error, and from nothing a warning', () => {
    expect(at(`${list}: [{a: [bb]}]`)).toEqual([
      `7:${list.length + 11} router_settings.${list}.0.a: points to "bb", and no model of that name is in model_list. Did you mean "b"?`,
    ]);
    expect(at(`${list}: [{gone: [a]}]`, 'warning')).toHaveLength(1);
  });

  test('of another shape are an error', () => {
    for (const wrong of ['{a: [b]}', '[a]', '[{a: [[b]]}]', '[{a: [{model: b}]}]']) {
      expect(at(`${list}: ${wrong}`)).toEqual([expect.stringContaining('must be a list')]);
    }
  });
});
