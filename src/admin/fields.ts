/**
 * Pieces that the request schemas of several nouns share. Names are LiteLLM's (its documentation of the management API).
 * What a limit says is checked to the last value here, because a limit that cannot be read would be no limit.
 */
import { z } from '@hono/zod-openapi';
import { endOfDuration } from '../lib/duration.ts';
import { parseWindow } from '../limits/window.ts';

export const LONGEST_NAME = 256;
export const MOST_ITEMS = 1_000;
/** Nano-dollars beyond this are no exact numbers any more. */
const MOST_USD = 9_000_000;
const LARGEST_PAGE = 1_000_000;

/** An empty text is a form field left empty. */
export const name = z
  .string()
  .max(LONGEST_NAME)
  .transform((text) => (text === '' ? null : text));
/** Of something that exists, or will. Control characters would let one id stand for a pair of them. */
export const id = z
  .string()
  .min(1)
  .max(LONGEST_NAME)
  // Not as a pattern: in the OpenAPI document it would be one that only some languages can read.
  .refine((text) => !/\p{Cc}/u.test(text), 'must not hold control characters');
export const texts = z.array(z.string().max(LONGEST_NAME)).max(MOST_ITEMS);
export const record = z.record(z.string(), z.unknown());
/** LiteLLM takes numbers written as text too, and its examples have some. */
const NUMBER_IN_TEXT = /^\d{1,15}(\.\d{1,18})?(e-\d{1,2})?$/i;
const numberIn = (given: unknown): unknown =>
  typeof given === 'string' && NUMBER_IN_TEXT.test(given) ? Number(given) : given;
const WHOLE = 'must be a whole number';
export const count = z.preprocess(
  numberIn,
  z
    .number({ error: ({ code, input }) => (code === 'invalid_type' && input !== undefined ? WHOLE : undefined) })
    .int()
    .nonnegative(),
);
/** Dollars. */
export const money = z.preprocess(numberIn, z.number().nonnegative().max(MOST_USD));
/** Over which time a budget adds up. */
export const window = z
  .string()
  .refine(
    (text) => parseWindow(text, 'UTC') !== undefined,
    'must be a time such as 30s, 30m, 24h, 30d, 1w or 1mo, or daily, weekly or monthly',
  );
/** How long something lives from now on. */
export const lifetime = z
  .string()
  .refine((text) => endOfDuration(text, 0) !== undefined, 'must be a time such as 30s, 30m, 24h, 30d, 1w or 1mo');
const instant = z.iso.datetime({ offset: true, local: true }).or(z.iso.date());

/** What is limited is one model: under a pattern nothing would be counted, and so nothing refused. */
const ONE_MODEL = 'must name single models, not a pattern with *';
const isOneModel = (model: string): boolean => !model.includes('*');
const namesModels = (limits: object): boolean => Object.keys(limits).every(isOneModel);

/** `{"gpt-4o": 60}`. */
export const modelRates = z.record(z.string().max(LONGEST_NAME), count).refine(namesModels, ONE_MODEL);

/** `{"gpt-4o": 10}` or `{"gpt-4o": {"budget_limit": 10, "time_period": "1d"}}`. */
export const modelBudgets = z
  .record(
    z.string(),
    money.or(
      z.strictObject({
        budget_limit: money.nullish(),
        max_budget: money.nullish(),
        time_period: window.nullish(),
        budget_duration: window.nullish(),
        rpm_limit: count.nullish(),
        tpm_limit: count.nullish(),
      }),
    ),
  )
  .refine(namesModels, ONE_MODEL);

const budgetWindows = z.array(z.strictObject({ budget_duration: window, max_budget: money })).max(20);

/** Any unit over any window; dollars for `usd`. Without a window: for ever. */
const customLimits = z
  .array(
    z.strictObject({
      unit: z.enum(['usd', 'requests', 'tokens', 'parallel']),
      window: window.nullish(),
      max: z.number().nonnegative().max(Number.MAX_SAFE_INTEGER),
      mode: z.enum(['enforce', 'shadow', 'soft']).nullish(),
      model: z.string().max(LONGEST_NAME).refine(isOneModel, ONE_MODEL).nullish(),
    }),
  )
  .max(50);

/** What an entity imposes on the calls made in its name. `limit-columns.ts` stores and shows it. */
export const LIMIT_FIELDS = {
  max_budget: money.nullish(),
  soft_budget: money.nullish(),
  budget_duration: window.nullish(),
  budget_limits: budgetWindows.nullish(),
  model_max_budget: modelBudgets.nullish(),
  max_parallel_requests: count.nullish(),
  tpm_limit: count.nullish(),
  rpm_limit: count.nullish(),
  tpd_limit: count.nullish(),
  tollgate_limits: customLimits.nullish(),
  temp_budget_increase: money.nullish(),
  temp_budget_expiry: instant.nullish(),
} as const;

export type LimitFields = z.output<z.ZodObject<typeof LIMIT_FIELDS>>;

/** LiteLLM's fields of keys and teams that say how its other parts treat them; they are kept in the metadata. */
export const KEPT_FIELDS = {
  mcp_rpm_limit: z.record(z.string().max(LONGEST_NAME), count).nullish(),
  rpm_limit_type: z.enum(['guaranteed_throughput', 'best_effort_throughput', 'dynamic']).nullish(),
  tpm_limit_type: z.enum(['guaranteed_throughput', 'best_effort_throughput', 'dynamic']).nullish(),
  prompts: texts.nullish(),
  allowed_passthrough_routes: texts.nullish(),
  denied_passthrough_routes: texts.nullish(),
  allowed_vector_store_indexes: z
    .array(
      z.strictObject({
        index_name: z.string().max(LONGEST_NAME),
        index_permissions: z.array(z.enum(['read', 'write'])).max(2),
      }),
    )
    .max(MOST_ITEMS)
    .nullish(),
  default_estimated_output_tokens: z.number().int().positive().nullish(),
  default_estimated_output_tokens_per_model: z
    .record(z.string().max(LONGEST_NAME), z.number().int().positive())
    .nullish(),
} as const;

/** Of those, the ones that nothing acts on yet. */
export const IDLE_NAMES = [
  'mcp_rpm_limit',
  'prompts',
  'allowed_passthrough_routes',
  'denied_passthrough_routes',
  'allowed_vector_store_indexes',
] as const satisfies (keyof typeof KEPT_FIELDS)[];

export const KEPT_NAMES = [
  ...IDLE_NAMES,
  'rpm_limit_type',
  'tpm_limit_type',
  'default_estimated_output_tokens',
  'default_estimated_output_tokens_per_model',
] as const satisfies (keyof typeof KEPT_FIELDS)[];

/** A whole number from 1 on, as text. */
export const pageNumber = (most = LARGEST_PAGE) =>
  z
    .string()
    .regex(/^\d{1,7}$/, `must be a whole number from 1 to ${most}`)
    .transform(Number)
    .refine((number) => number >= 1 && number <= most, `must be a whole number from 1 to ${most}`);

/** In a query everything is text. */
export const flag = z.enum(['true', 'false']).transform((text) => text === 'true');
