/**
 * What a model's name says at Bedrock: an id, a cross-region profile (`us.…`) or an ARN, behind LiteLLM's prefixes for
 * routes and regions. Source: AWS's "Supported foundation models" and "Inference profiles"; LiteLLM's documentation of `bedrock/`.
 */

/** Whose parameters beside the common ones it takes. */
export type Family = 'claude' | 'nova' | 'nova-2' | 'gpt-oss' | 'gpt' | 'deepseek' | 'other';

export interface BedrockModel {
  /** As it stands in the path, not yet escaped. */
  readonly id: string;
  /** From the ARN, else from `region/model`. */
  readonly region: string | undefined;
}

const REGION = /^(?:[a-z]{2}|us-gov|us-iso[a-z]?|eu-isoe)-[a-z]+-\d$/;
const ARN = /^arn:aws[a-z-]*:(?:bedrock|sagemaker):([a-z0-9-]*):/;
const OTHER_ROUTES = /^(invoke|openai|chat_completions|agent|agentcore|async_invoke|mantle|llama|deepseek_r1)\//;

/** @throws Error for a route that is not Converse */
export function bedrockModel(name: string): BedrockModel {
  const plain = name.replace(/^bedrock\//, '').replace(/^converse(_like)?\//, '');
  const arn = ARN.exec(plain);
  if (arn) return { id: plain, region: arn[1] === '' ? undefined : arn[1] };
  const other = OTHER_ROUTES.exec(plain)?.[1];
  if (other !== undefined) throw new Error(`the route ${other}/ is not supported; leave it out to use Converse.`);
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

export function runtimeUrl(region: string): string {
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  return `https://bedrock-runtime.${region}.${suffix}`;
}
