/** How many tokens a request can take at most, found without a tokenizer: what is held must be no less than what is used. */
import type { ChatRequest } from '../wire/openai.ts';
import { attachedTokens } from './attachments.ts';
import type { Call } from './call.ts';
import { hostedTools } from './hosted-tools.ts';
import { outputEstimate } from './output-estimate.ts';

export interface TokenBounds {
  /** No tokenizer makes more tokens than there are bytes. Without what is attached. */
  readonly inputMost: number;
  /** Most tokens of files, sound and films; infinite when something is only named. A model reads no more than it can. */
  readonly attached: number;
  /** Of those, what the provider finds by itself: another time it finds something else. */
  readonly found: number;
  /** About four characters a token: for rates, where a fair guess is corrected a moment later. */
  readonly inputLikely: number;
  /** Largest of the caps that the client set, for all choices together; `undefined` when it set none. */
  readonly outputCap: number | undefined;
  readonly choices: number;
  /** What its operator expects of the output, for rates, where the client has set no cap. */
  readonly outputLikely?: number | undefined;
}

/** Every name under which a client may cap the output. The largest counts: an upstream may heed any of them. */
export const OUTPUT_CAPS = [
  'max_tokens',
  'max_completion_tokens',
  'max_output_tokens',
  'max_new_tokens',
  'max_tokens_to_sample',
] as const;

/** What an image counts for, whatever its bytes: providers bill by its size in pixels. */
const TOKENS_PER_ATTACHMENT = 6_000;

export function tokenBounds(call: Call): TokenBounds {
  const outputLikely = outputEstimate(call);
  return outputLikely === undefined ? askedBounds(call) : { ...askedBounds(call), outputLikely };
}

function askedBounds({ request, text, controls }: Call): TokenBounds {
  const own = boundsOf(request, text);
  if (controls.fallbackChanges === undefined) return own;
  // Any of its fallbacks may be what is served in the end.
  return [...controls.fallbackChanges.values()]
    .map((changes) => boundsOf({ ...request, ...changes }, undefined))
    .reduce(larger, own);
}

const larger = (one: TokenBounds, other: TokenBounds): TokenBounds => ({
  inputMost: Math.max(one.inputMost, other.inputMost),
  attached: Math.max(one.attached, other.attached),
  found: Math.max(one.found, other.found),
  inputLikely: Math.max(one.inputLikely, other.inputLikely),
  outputCap:
    one.outputCap === undefined || other.outputCap === undefined ? undefined : Math.max(one.outputCap, other.outputCap),
  choices: Math.max(one.choices, other.choices),
});

function boundsOf(request: ChatRequest, text: string | undefined): TokenBounds {
  const choices = wholeOr(request['n'], 1);
  const caps = OUTPUT_CAPS.map((name) => wholeOr(request[name], 0));
  const outputCap = Math.max(...caps) * choices;
  const body = text ?? JSON.stringify(request);
  const { bytes, attachments } = sizeOf(body);
  const pictures = attachments * TOKENS_PER_ATTACHMENT;
  const found = hostedTools(request).tokensRead;
  return {
    inputMost: bytes + pictures,
    attached: attachedTokens(request.messages ?? []) + found,
    found,
    inputLikely: Math.ceil(bytes / 4) + pictures,
    outputCap: outputCap > 0 ? outputCap : undefined,
    choices,
  };
}

const wholeOr = (value: unknown, absent: number): number =>
  typeof value === 'number' && value >= 1 && Number.isFinite(value) ? Math.ceil(value) : absent;

/** Bytes of the words and the JSON around them; data that is sent along as text is counted as attachments. */
function sizeOf(body: string): { bytes: number; attachments: number } {
  let bytes = Buffer.byteLength(body);
  let attachments = 0;
  for (let at = body.indexOf('"image_url"'); at !== -1; at = body.indexOf('"image_url"', at + 1)) attachments += 0.5;
  for (let at = body.indexOf(';base64,'); at !== -1; at = body.indexOf(';base64,', at + 1)) {
    const end = body.indexOf('"', at);
    if (end === -1) break;
    bytes -= end - at;
    attachments += 1;
  }
  return { bytes, attachments: Math.ceil(attachments) };
}
