/**
 * What a model's name says at Bedrock: an id, a cross-region profile (`us.…`) or an ARN, behind LiteLLM's prefixes for
 * routes and regions. Source: AWS's "Supported foundation models" and "Inference profiles"; LiteLLM's documentation of `bedrock/`.
 */

import { invalidRequest } from '../errors.ts';

/** Whose parameters beside the common ones it takes. */
export type Family = 'claude' | 'nova' | 'nova-2' | 'gpt-oss' | 'gpt' | 'deepseek' | 'other';

/**
 * The API that is asked: Converse, the model's own by InvokeModel, OpenAI's by InvokeModel (`openai/`) or under an address of
 * its own (`chat_completions/`), or those of Bedrock's newer endpoint (`mantle/`).
 */
export type Route = 'converse' | 'invoke' | 'openai' | 'chat_completions' | 'mantle';

export interface BedrockModel {
  readonly route: Route;
  /** As it stands in the path, not yet escaped. */
  readonly id: string;
  /** From the ARN, else from `region/model`. */
  readonly region: string | undefined;
}

const REGION = /^(?:[a-z]{2}|us-gov|us-iso[a-z]?|eu-isoe)-[a-z]+-\d$/;
const ARN = /^arn:aws[a-z-]*:(?:bedrock|sagemaker):([a-z0-9-]*):/;
/** LiteLLM's prefix → the API that serves it. Imported models speak Converse, but for Qwen 2, which takes OpenAI's chats. */
const ROUTES: Readonly<Record<string, Route>> = {
  converse: 'converse',
  converse_like: 'converse',
  nova: 'converse',
  'nova-2': 'converse',
  llama: 'converse',
  deepseek_r1: 'converse',
  qwen3: 'converse',
  qwen2: 'openai',
  invoke: 'invoke',
  openai: 'openai',
  chat_completions: 'chat_completions',
  mantle: 'mantle',
};

const NOT_CHATS: Readonly<Record<string, string>> = {
  agent: 'an agent answers sessions of its own and not chats',
  agentcore: 'an agent’s runtime answers what its author made it answer and not chats',
  async_invoke: 'it puts its results into a bucket later',
  claude_platform: 'use the provider anthropic with the address of your workspace as api_base',
};

/** @throws GatewayError 400 for a route that leads to no chats */
export function bedrockModel(name: string): BedrockModel {
  const whole = name.replace(/^bedrock\//, '');
  const [first = '', ...others] = whole.split('/');
  const why = ownOf(NOT_CHATS, first);
  if (why !== undefined) throw invalidRequest(`Bedrock's route ${first}/ is not supported: ${why}.`, 'model');
  const route = others.length === 0 ? undefined : ownOf(ROUTES, first);
  return { route: route ?? 'converse', ...placed(route === undefined ? whole : others.join('/')) };
}

const ownOf = <Value>(record: Readonly<Record<string, Value>>, name: string): Value | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined;

function placed(plain: string): Pick<BedrockModel, 'id' | 'region'> {
  const arn = ARN.exec(plain);
  if (arn) return { id: plain, region: arn[1] === '' ? undefined : arn[1] };
  const [first = '', ...rest] = plain.split('/');
  if (rest.length === 0 || !REGION.test(first)) return { id: plain, region: undefined };
  const id = rest.filter((part) => !/^\d+-month-commitment$/.test(part)).join('/');
  const inner = ARN.exec(id)?.[1];
  return { id, region: inner === undefined || inner === '' ? first : inner };
}

/** @param baseModel `model_info.base_model`: an ARN does not say which model it leads to */
export function familyOf(upstreamModel: string, baseModel: string | undefined): Family {
  const name = (baseModel ?? upstreamModel).toLowerCase();
  if (/anthropic|claude/.test(name)) return 'claude';
  if (/nova-2|nova-(lite|pro|micro|premier)-v2/.test(name)) return 'nova-2';
  if (/nova/.test(name)) return 'nova';
  if (/gpt-oss/.test(name)) return 'gpt-oss';
  if (/openai\.|gpt-/.test(name)) return 'gpt';
  return /deepseek/.test(name) ? 'deepseek' : 'other';
}

/** From 4.6 on Claude thinks as much as it sees fit, by effort and not by budget. */
export const thinksAdaptively = (upstreamModel: string, baseModel: string | undefined): boolean =>
  /claude-(?:opus|sonnet)-4[-.](?:[6-9]|\d\d)(?!\d)|claude-(?:opus|sonnet|haiku)-[5-9](?!\d)/.test(
    baseModel ?? upstreamModel,
  );

/** LiteLLM's default. */
export const DEFAULT_REGION = 'us-west-2';

/** Source: OpenAI's and Anthropic's documents on their clients for Amazon Bedrock. */
export const mantleUrl = (region: string): string => `https://bedrock-mantle.${region}.api.aws`;

export function runtimeUrl(region: string): string {
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  return `https://bedrock-runtime.${region}.${suffix}`;
}
