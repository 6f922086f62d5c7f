/** Providers whose first answer only says where the answer will be: it is asked for until it is there. */
import { parsedJson } from '../lib/json.ts';
import type { Target } from '../providers/adapter.ts';
import { bodyText } from './body-text.ts';

export interface Following {
  readonly target: Target;
  readonly isStream: boolean;
  readonly maxBytes: number;
  /** Ends the waits. */
  readonly signal: AbortSignal;
}

/** An answer that leads back to itself must not keep two machines busy until the attempt is over. */
const LEAST_WAIT_MS = 100;

type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** @returns the last answer; the first where the adapter follows none, or it is a refusal or no JSON */
export async function followed(first: Response, following: Following, fetch: Fetch): Promise<Response> {
  const { target, isStream, maxBytes, signal } = following;
  let response = first;
  let leastMs = 0;
  while (target.adapter.followUp && isJson(response)) {
    const text = await bodyText(response, maxBytes);
    const next = target.adapter.followUp(parsedJson(text), target, isStream);
    if (next === undefined) return new Response(text, { status: response.status, headers: response.headers });
    const waitMs = Math.max(next.waitMs, leastMs);
    if (waitMs > 0) await pause(waitMs, signal);
    leastMs = LEAST_WAIT_MS;
    response = await fetch(next.url, { headers: next.headers, redirect: 'manual', signal });
  }
  return response;
}

const isJson = ({ ok, headers }: Response): boolean =>
  ok && (headers.get('content-type') ?? 'application/json').includes('json');

/** @throws the signal's reason when it ends first */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      signal.removeEventListener('abort', ended);
      resolve();
    }
    function ended(): void {
      clearTimeout(timer);
      reject(signal.reason);
    }
    if (signal.aborted) ended();
    else signal.addEventListener('abort', ended, { once: true });
  });
}
