import { beforeEach, describe, expect, test } from 'bun:test';
import { type SampleCall, STARTED_AT_MS, sampleCall, sampleCaller } from '../../test/support/call-parts.ts';
import { runtimeFrom } from '../../test/support/runtime-from.ts';
import { type ErrorKindName, GatewayError } from '../errors.ts';
import type { Call, Outcome } from '../gateway/call.ts';
import type { EndUser } from '../gateway/entities.ts';
import type { Target } from '../providers/adapter.ts';
import { createRouting, type Routing } from './routing.ts';
import type { Runtime } from './runtime.ts';

let nowMs: number;
let runtime: Runtime;
let routing: Routing;
let logged: { level: string; message: string; fields: unknown }[];
let full: string[];

const MODELS = `model_list:
  - {model_name: m, model_info: {id: a}, litellm_params: {model: openai/a, api_key: k, tags: [x], num_retries: 4, configurable_clientside_auth_params: [api_key]}}
  - {model_name: m, model_info: {id: b}, litellm_params: {model: openai/b, api_key: k, region_name: eu, cooldown_time: 60}}
  - {model_name: n, model_info: {id: c}, litellm_params: {model: openai/c, api_key: k}}
`;
const configured = (router = '{}', litellm = '{}'): Runtime =>
  runtimeFrom(`${MODELS}router_settings: ${router}\nlitellm_settings: ${litellm}\n`);

beforeEach(() => {
  nowMs = STARTED_AT_MS;
  logged = [];
  full = [];
  runtime = configured();
  const note =
    (level: string) =>
    (message: string, fields?: unknown): void => {
      logged.push({ level, message, fields });
    };
  routing = createRouting({
    cards: {
      maxInputTokens: ({ deploymentId }: Target) => (deploymentId === 'a' ? 10 : 100_000),
      usdPerToken: () => 1,
    } as never, // What routing asks of them.
    log: { info: note('info'), warn: note('warn'), error: note('error') } as never, // The same.
    runtime: () => runtime,
    hasRoom: ({ deploymentId }) => !full.includes(deploymentId),
    heard: () => {},
    now: () => nowMs,
    random: () => 0,
  });
});

const callFor = ({ request, ...over }: SampleCall = {}): Call =>
  sampleCall({ request: { model: 'm', ...request }, ...over });
function targetOf(id: string): Target {
  const found = runtime.groups.find(id)?.targets[0];
  if (!found) throw new Error(`No deployment ${id}`);
  return found;
}
const error = (kind: ErrorKindName): GatewayError => new GatewayError(kind, 'no');
const OK: Outcome = {
  status: 'ok',
  endedAtMs: 0,
  target: undefined,
  responseId: null,
  buckets: undefined,
  cost: undefined,
  firstTokenAtMs: undefined,
  responseText: undefined,
};
const stateOf = (id: string): string => routing.state.health.stateOf(id);

function fail(id: string, kind: ErrorKindName, call = callFor(), times = 1): void {
  for (let at = 0; at < times; at++) routing.watch(targetOf(id), call).failed(error(kind));
}

function serve(id: string, call: Call, outcome: Partial<Outcome> = {}): void {
  const watch = routing.watch(targetOf(id), call);
  watch.answered();
  watch.ended({ ...OK, ...outcome } as Outcome); // Statuses without an error only.
}

/** Who would be tried. */
function candidates(call = callFor(), failed: readonly string[] = []): string[] {
  const plan = routing.planFor(call);
  if (!plan.group) throw new Error('No group');
  return plan.choose(plan.group, new Set(failed)).choice.candidates.map(({ deploymentId }) => deploymentId);
}

describe('a plan', () => {
  test('is for the group after aliases, and each choice is kept with the call', () => {
    const call = callFor();
    const plan = routing.planFor(call);
    expect(plan.group?.name).toBe('m');
    if (plan.group) plan.choose(plan.group, new Set());
    expect(call.choices).toMatchObject([{ group: 'm', strategy: 'simple-shuffle', picked: 'a' }]);
    expect(routing.planFor(callFor({ modelGroup: 'nothing' })).group).toBeUndefined();
  });

  test('goes by the deployments’ limits', () => {
    full = ['a'];
    expect(candidates()).toEqual(['b']);
  });

  test('ends with the whole request’s time, and makes no retry after the caller’s own', () => {
    runtime = runtimeFrom(`${MODELS}tollgate_settings: {total_timeout: 90}\nrouter_settings: {timeout: 30}\n`);
    const limits = (controls: SampleCall['controls'] = {}): number[] => {
      const { deadlineMs, retryUntilMs } = routing.planFor(callFor({ controls }));
      return [deadlineMs - STARTED_AT_MS, retryUntilMs - STARTED_AT_MS];
    };
    expect(limits()).toEqual([90_000, Number.POSITIVE_INFINITY]);
    expect(limits({ timeoutMs: 700 })).toEqual([90_000, 700]);
  });
});

describe('retries', () => {
  const count = (kind: ErrorKindName, id = 'b', call = callFor()) =>
    routing.planFor(call).retries(targetOf(id), error(kind));
  const policies =
    '{num_retries: 1, retry_policy: {TimeoutErrorRetries: 5, BadRequestErrorRetries: 3, DefaultRetries: 6}, model_group_retry_policy: {n: {TimeoutErrorRetries: 0}, other: {DefaultRetries: 9}}}';

  test('are the deployment’s own, else the router’s', () => {
    runtime = configured('{num_retries: 1}');
    expect(count('upstream_failed', 'a')).toEqual({ count: 4, isNamed: false });
    expect(count('upstream_failed', 'b')).toEqual({ count: 1, isNamed: false });
  });

  test('are what a policy says of such failures, the model’s before the router’s', () => {
    runtime = configured(policies);
    expect(count('upstream_timeout', 'a')).toEqual({ count: 5, isNamed: true });
    expect(count('upstream_timeout', 'c')).toEqual({ count: 0, isNamed: true });
    expect(count('upstream_rejected', 'c')).toEqual({ count: 3, isNamed: true });
    expect(count('upstream_failed', 'a')).toEqual({ count: 6, isNamed: false });
  });

  test('of a model’s policy for all failures come before the router’s for one', () => {
    runtime = configured(
      '{retry_policy: {TimeoutErrorRetries: 5}, model_group_retry_policy: {m: {DefaultRetries: 1}}}',
    );
    expect(count('upstream_timeout')).toEqual({ count: 1, isNamed: false });
    expect(count('upstream_timeout', 'c')).toEqual({ count: 5, isNamed: true });
  });

  test('that a request asks for are its own, none too', () => {
    runtime = configured(policies);
    for (const numRetries of [0, 8]) {
      const call = callFor({ controls: { numRetries } });
      expect(count('upstream_timeout', 'a', call)).toEqual({ count: numRetries, isNamed: false });
    }
  });

  test('of a model that is named like what every object has are the router’s', () => {
    runtime = configured(policies);
    const target = { ...targetOf('c'), modelGroup: 'constructor' };
    expect(routing.planFor(callFor()).retries(target, error('upstream_timeout')).count).toBe(5);
  });
});

describe('what a call is', () => {
  test('has the tags of the request, its key and its team, once tags are switched on', () => {
    const asking = (tags: readonly string[], over: Partial<Call> = {}): Call =>
      callFor({ controls: { tags }, ...over });
    expect(candidates(asking(['x']))).toEqual(['a', 'b']);
    runtime = configured('{enable_tag_filtering: true}');
    expect(candidates(asking(['x']))).toEqual(['a']);
    expect(candidates(asking([]))).toEqual(['a', 'b']);
    expect(candidates(asking([], { caller: sampleCaller({ metadata: { tags: ['x'] } }) }))).toEqual(['a']);
    const team = { ...sampleCaller().team, metadata: { tags: ['x', 7] } } as never; // All that is read of it.
    expect(candidates(asking([], { caller: sampleCaller({ team }) }))).toEqual(['a']);
  });

  test('has those tags for one model where that model wants it, and a project’s as well', () => {
    const project = { metadata: { tags: ['x'] } } as never; // All that is read of it.
    runtime = configured('{enable_tag_filtering: true}');
    expect(candidates(callFor({ caller: sampleCaller({ project }) }))).toEqual(['a']);
    runtime = configured('{enable_tag_filtering: true, tag_routing_prefix: "to:"}');
    expect(candidates(callFor({ controls: { tags: ['x'] } }))).toEqual(['a', 'b']);
    expect(candidates(callFor({ controls: { tags: ['to:x'] } }))).toEqual(['a']);
    expect(candidates(callFor({ caller: sampleCaller({ project }) }))).toEqual(['a']);
  });

  test('has the region of its end user', () => {
    const from = (allowedModelRegion: string | null): Call => {
      const endUser = { allowedModelRegion } as EndUser; // All that is read of it.
      return callFor({ guests: { endUser, tags: [] } });
    };
    expect(candidates(from('eu'))).toEqual(['b']);
    expect(candidates(from(null))).toEqual(['a', 'b']);
  });

  test('has a length that is only measured when windows are checked', () => {
    const messages = [{ role: 'user' as const, content: 'word '.repeat(200) }];
    const long = callFor({ request: { messages } });
    expect(candidates(long)).toEqual(['a', 'b']);
    runtime = configured('{enable_pre_call_checks: true}');
    expect(candidates(long)).toEqual(['b']);
  });
});

describe('an attempt', () => {
  test('is under way until it has failed or ended, and its tokens count', () => {
    runtime = configured('{routing_strategy: least-busy}');
    const load = () => routing.state.loads.of('a');
    const watch = routing.watch(targetOf('a'), callFor());
    expect(load()).toMatchObject({ inFlight: 1, requests: 1 });
    nowMs += 30;
    watch.answered();
    expect(load()).toMatchObject({ inFlight: 1, answerMs: 30, firstContentMs: undefined });
    watch.ended(OK);
    expect(load().inFlight).toBe(0);
    fail('a', 'upstream_failed');
    expect(load()).toMatchObject({ inFlight: 0, requests: 2 });
  });

  test('is not measured for a strategy that compares nothing', () => {
    const watch = routing.watch(targetOf('a'), callFor());
    watch.answered();
    expect(routing.state.loads.of('a')).toMatchObject({ inFlight: 0, requests: 0, answerMs: undefined });
    watch.ended(OK);
    expect(routing.state.loads.of('a').inFlight).toBe(0);
  });

  test('that is streamed is measured to its first content', () => {
    runtime = configured('{routing_strategy: latency-based-routing}');
    const watch = routing.watch(targetOf('a'), callFor({ request: { stream: true } }));
    nowMs += 40;
    watch.answered();
    expect(routing.state.loads.of('a')).toMatchObject({ firstContentMs: 40, answerMs: undefined });
  });

  test.each([
    ['a failure', (id: string) => fail(id, 'upstream_failed', callFor(), 5), 'down'],
    ['a refusal of our credential', (id: string) => fail(id, 'upstream_unauthorized'), 'down'],
    ['what the client did wrong', (id: string) => fail(id, 'upstream_rejected', callFor(), 50), 'up'],
    ['a client that left', (id: string) => serve(id, callFor(), { status: 'aborted' }), 'up'],
  ])('with %s counts for whom it should', (_, act, state) => {
    act('a');
    expect(stateOf('a')).toBe(state);
  });

  test('that finds a deployment well again lets others follow from its first content on', () => {
    fail('a', 'upstream_unauthorized');
    nowMs += 5_000;
    const watch = routing.watch(targetOf('a'), callFor({ request: { stream: true } }));
    expect(stateOf('a')).toBe('probing');
    watch.answered();
    expect(stateOf('a')).toBe('up');
    watch.ended({ ...OK, status: 'failed', error: error('upstream_truncated') });
    expect(stateOf('a')).toBe('down');
  });

  test('that breaks off after it had begun counts like any failure', () => {
    for (let at = 0; at < 5; at++) {
      const watch = routing.watch(targetOf('a'), callFor());
      watch.answered();
      watch.ended({ ...OK, status: 'failed', error: error('upstream_truncated') });
    }
    expect(stateOf('a')).toBe('down');
  });
});

describe('a caller’s own', () => {
  const ownKey = () => callFor({ controls: { apiKey: 'sk-of-the-caller' } });

  test('provider key blames nobody and clears nobody', () => {
    fail('a', 'upstream_unauthorized', ownKey(), 20);
    fail('a', 'upstream_failed', ownKey(), 20);
    expect(stateOf('a')).toBe('up');
    fail('a', 'upstream_unauthorized');
    nowMs += 5_000;
    serve('a', ownKey());
    expect(stateOf('a')).toBe('probe');
    serve('a', callFor());
    expect(stateOf('a')).toBe('up');
  });

  test('provider key of a fallback clears nobody either', () => {
    fail('a', 'upstream_unauthorized');
    nowMs += 5_000;
    const watch = routing.watch({ ...targetOf('a'), requestChanges: { api_key: 'sk-of-the-caller' } }, callFor());
    watch.answered();
    watch.ended(OK);
    expect(stateOf('a')).toBe('probe');
  });

  test('name of a model blames no wildcard that let it through, and what else fails does', () => {
    runtime = runtimeFrom(
      'model_list: [{model_name: "x/*", model_info: {id: w}, litellm_params: {model: "openai/*", api_key: k}}]',
    );
    const nameless = (kind: ErrorKindName): void => fail('x/no-such-model', kind);
    nameless('upstream_not_found');
    nameless('upstream_forbidden');
    expect(stateOf('w')).toBe('up');
    nameless('upstream_unauthorized');
    expect(stateOf('w')).toBe('down');
  });

  test('time limit blames nobody when it has run out, and does not hide a deployment that is slower than ours', () => {
    const short = callFor({ controls: { timeoutMs: 100 } });
    nowMs += 100;
    fail('a', 'upstream_timeout', short, 20);
    expect(stateOf('a')).toBe('up');
    fail('a', 'upstream_timeout', callFor({ controls: { timeoutMs: 1e9 } }), 20);
    expect(stateOf('a')).toBe('down');
  });

  test('time limit for streams is none of a call that is not streamed', () => {
    const controls = { streamTimeoutMs: 1 };
    nowMs += 100;
    fail('a', 'upstream_timeout', callFor({ controls, request: { stream: true } }), 20);
    expect(stateOf('a')).toBe('up');
    fail('a', 'upstream_timeout', callFor({ controls }), 20);
    expect(stateOf('a')).toBe('down');
  });

  test('failures that a test of its own asked for blame nobody', () => {
    const pretended = new GatewayError('upstream_failed', 'no', { pretended: 'group' });
    for (let at = 0; at < 20; at++) routing.watch(targetOf('a'), callFor()).failed(pretended);
    expect(stateOf('a')).toBe('up');
  });
});

describe('cooldowns', () => {
  test('survive a reload, and the new configuration says how long the next ones are', () => {
    fail('a', 'upstream_failed', callFor(), 5);
    runtime = configured('{cooldown_time: 100}');
    expect(stateOf('a')).toBe('down');
    expect(candidates()).toEqual(['b']);
    nowMs += 5_000;
    expect(stateOf('a')).toBe('probe');
    fail('a', 'upstream_failed');
    nowMs += 99_999;
    expect(stateOf('a')).toBe('down');
  });

  test('last as long as the deployment says, before the router', () => {
    runtime = configured('{cooldown_time: 1}');
    fail('b', 'upstream_unauthorized');
    nowMs += 59_999;
    expect(stateOf('b')).toBe('down');
    nowMs += 1;
    expect(stateOf('b')).toBe('probe');
  });

  test('can be switched off, and follow allowed_fails and its policy', () => {
    runtime = configured('{disable_cooldowns: true}');
    fail('a', 'upstream_failed', callFor(), 50);
    expect(stateOf('a')).toBe('up');
    runtime = configured('{allowed_fails: 1, allowed_fails_policy: {TimeoutErrorAllowedFails: 3}}');
    fail('a', 'upstream_timeout', callFor(), 3);
    expect(stateOf('a')).toBe('up');
    fail('a', 'upstream_failed', callFor(), 2);
    expect(stateOf('a')).toBe('down');
  });

  test('follow a deployment’s own count and policy before the router’s', () => {
    const models = MODELS.replace('{id: a}', '{id: a, allowed_fails: 3}').replace(
      '{id: b}',
      '{id: b, allowed_fails_policy: {TimeoutErrorAllowedFails: 4}}',
    );
    const router = '{allowed_fails: 1, allowed_fails_policy: {InternalServerErrorAllowedFails: 0}}';
    runtime = runtimeFrom(`${models}router_settings: ${router}\n`);
    const borne = (id: string, kind: ErrorKindName): number => {
      let count = 0;
      while (stateOf(id) === 'up') {
        fail(id, kind);
        count += 1;
      }
      nowMs += 60_000;
      serve(id, callFor());
      return count - 1;
    };
    expect(borne('a', 'upstream_failed')).toBe(3);
    expect([borne('b', 'upstream_timeout'), borne('b', 'upstream_failed')]).toEqual([4, 1]);
    expect([borne('c', 'upstream_failed'), borne('c', 'upstream_timeout')]).toEqual([0, 1]);
  });

  test('count what clients do wrong only where a policy says how often', () => {
    runtime = configured('{allowed_fails: 0, allowed_fails_policy: {ContentPolicyViolationErrorAllowedFails: 2}}');
    fail('a', 'upstream_rejected', callFor(), 9);
    fail('a', 'content_policy_violation', callFor(), 2);
    expect(stateOf('a')).toBe('up');
    fail('a', 'content_policy_violation');
    expect(stateOf('a')).toBe('down');
  });

  test('are told in the log, without a secret', () => {
    fail('a', 'upstream_unauthorized');
    nowMs += 5_000;
    serve('a', callFor());
    expect(logged.map(({ level, message }) => `${level}: ${message}`)).toEqual([
      'error: a provider refused our credential',
      'warn: a deployment cools down',
      'info: a deployment is well again',
    ]);
    expect(logged[1]?.fields).toEqual({
      event: 'cooled_down',
      deployment: 'a',
      until: new Date(STARTED_AT_MS + 5_000).toISOString(),
    });
  });
});

describe('pins', () => {
  const inSession = (sessionId: string, over: Partial<Call> = {}): Call =>
    callFor({ controls: { sessionId }, ...over });
  const picked = (call: Call): string | undefined => {
    candidates(call);
    const choice = call.choices.at(-1);
    return choice?.pinned === true ? (choice.picked ?? undefined) : undefined;
  };

  test('are made by an answer, for what is switched on', () => {
    serve('b', inSession('s'));
    expect(picked(inSession('s'))).toBeUndefined();
    runtime = configured('{optional_pre_call_checks: [session_affinity]}');
    serve('b', inSession('s'));
    expect(picked(inSession('s'))).toBe('b');
    expect(picked(inSession('other'))).toBeUndefined();
    expect(picked(callFor())).toBeUndefined();
  });

  test('are nobody else’s', () => {
    runtime = configured('{optional_pre_call_checks: [session_affinity, deployment_affinity]}');
    serve('b', inSession('s'));
    expect(picked(inSession('s', { caller: sampleCaller({ keyHash: 'b'.repeat(64) }) }))).toBeUndefined();
    expect(picked(inSession('s'))).toBe('b');
    expect(picked(callFor())).toBe('b');
  });

  test('lead from an answer to the call that refers to it', () => {
    runtime = configured('{optional_pre_call_checks: [responses_api_deployment_check]}');
    serve('b', callFor(), { responseId: 'chatcmpl-1' });
    expect(picked(callFor({ request: { previous_response_id: 'chatcmpl-1' } }))).toBe('b');
    expect(picked(callFor({ request: { previous_response_id: 'chatcmpl-2' } }))).toBeUndefined();
  });

  test('are not made by failures, and end with their time', () => {
    runtime = configured('{optional_pre_call_checks: [session_affinity], deployment_affinity_ttl_seconds: 10}');
    fail('b', 'upstream_failed', inSession('s'));
    expect(picked(inSession('s'))).toBeUndefined();
    serve('b', inSession('s'));
    nowMs += 9_999;
    expect(picked(inSession('s'))).toBe('b');
    nowMs += 1;
    expect(picked(inSession('s'))).toBeUndefined();
  });

  test('survive a reload and give way to a cooldown', () => {
    runtime = configured('{optional_pre_call_checks: [session_affinity]}');
    serve('b', inSession('s'));
    runtime = configured('{optional_pre_call_checks: [session_affinity], num_retries: 1}');
    expect(picked(inSession('s'))).toBe('b');
    fail('b', 'upstream_unauthorized');
    expect(picked(inSession('s'))).toBeUndefined();
  });
});
