/**
 * A question to a provider that is no request of a client: short, whole, never tried again, and without a word to routing. It is
 * bound as an attempt is: time limits, no redirects, an answer of bounded size.
 */
import { GatewayError } from '../errors.ts';
import type { Target, UpstreamRequest } from '../providers/adapter.ts';
import { authorized } from './authorized.ts';
import { bodyText } from './body-text.ts';
import type { SendParts } from './send.ts';

const LONGEST_WAIT_MS = 30_000;
const MOST_BYTES = 256 * 1024;

export type SideQuestionParts = Pick<SendParts, 'fetch' | 'now' | 'settings' | 'upstreamError'>;

/** @returns the answer's JSON. @throws GatewayError */
export async function askAside(request: UpstreamRequest, target: Target, parts: SideQuestionParts): Promise<unknown> {
  const { timeoutMs, firstByteTimeoutMs } = parts.settings();
  const limitMs = Math.min(target.timeoutMs ?? timeoutMs, firstByteTimeoutMs, LONGEST_WAIT_MS);
  const signal = AbortSignal.timeout(limitMs);
  try {
    const ready = await (authorized(request, target, { nowMs: parts.now(), signal }) ?? request);
    const { url, headers, body } = ready;
    const response = await parts.fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal });
    return await answerOf(response, target, parts);
  } catch (thrown) {
    if (thrown instanceof GatewayError) throw thrown;
    if (signal.aborted) throw new GatewayError('upstream_timeout', `The provider did not answer within ${limitMs} ms.`);
    throw new GatewayError('upstream_unreachable', 'The provider could not be reached.', { cause: thrown });
  }
}

async function answerOf(response: Response, target: Target, parts: SideQuestionParts): Promise<unknown> {
  const { status, headers } = response;
  if (status >= 300 && status < 400) {
    await response.body?.cancel();
    throw new GatewayError('upstream_protocol', 'The provider answered with a redirect, which is never followed.', {
      upstreamStatus: status,
    });
  }
  const isRefusal = status < 200 || status > 299;
  const body = await bodyText(response, MOST_BYTES, isRefusal ? 'cut' : 'refuse');
  if (isRefusal) throw parts.upstreamError({ target, status, body, headers });
  try {
    return JSON.parse(body);
  } catch {
    // Its words stay unsaid: nobody knows what they are.
    throw new GatewayError('upstream_protocol', 'The provider answered with something that is not JSON.', {
      upstreamStatus: status,
    });
  }
}
