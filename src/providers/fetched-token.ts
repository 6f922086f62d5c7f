/**
 * Access tokens that have to be fetched: kept until shortly before their end, fetched once for all requests that need one
 * at the same time. Source of the exchange: RFC 6749, sections 4.4 and 5.
 */
import { GatewayError } from '../errors.ts';
import { boundedText } from '../lib/bounded-text.ts';
import { isObject, type JsonObject, textOf } from '../lib/json.ts';

export interface FetchedToken {
  readonly token: string;
  /** Milliseconds since 1970; `undefined`: nobody said. */
  readonly endsAtMs: number | undefined;
}

export type FetchToken = (nowMs: number) => Promise<FetchedToken>;

interface Held {
  /** Of the token that is there: while it is renewed, it still serves. */
  token: string | undefined;
  renewAtMs: number;
  endsAtMs: number;
  fetching: Promise<string> | undefined;
}

/** Renewed early, so that none ends on its way; sooner still where they are short-lived. */
const MARGIN_MS = 5 * 60_000;
const MARGIN_PART = 0.2;
/** Less than that is no time for a request to arrive in. */
const LEAST_LEFT_MS = 5_000;
/** Of tokens without an end. */
const LONGEST_USE_MS = 15 * 60_000;
/** Before a renewal that failed is tried again, as long as the old token serves. */
const PAUSE_MS = 10_000;

/** For one owner: names may be keys of callers, who have as many as they like. */
const MOST_NAMES = 1_000;

const held = new WeakMap<object, Map<string, Held>>();

/**
 * The token of `owner`, which is a deployment's settings: a new configuration starts anew.
 * @param name tells several tokens of one owner apart, such as by host
 * @throws what `fetchToken` throws; a failure is not kept
 */
export function keptToken(owner: object, name: string, nowMs: number, fetchToken: FetchToken): Promise<string> {
  const holder = holderOf(owner, name);
  const { token, renewAtMs, endsAtMs } = holder;
  const current = token !== undefined && nowMs < endsAtMs - LEAST_LEFT_MS ? token : undefined;
  if (current !== undefined && nowMs < renewAtMs) return Promise.resolve(current);
  const fetching = holder.fetching ?? renew(holder, nowMs, fetchToken);
  if (current === undefined) {
    // Names may be keys of callers: one that buys nothing is not remembered.
    if (token === undefined) fetching.catch(() => held.get(owner)?.delete(name));
    return fetching;
  }
  // Nobody waits for this one: the next request that has to will be told.
  fetching.catch(() => {
    holder.renewAtMs = nowMs + PAUSE_MS;
  });
  return Promise.resolve(current);
}

/** Those of `owner` that are there, which must never be echoed. */
export const keptTokens = (owner: object): readonly string[] =>
  [...(held.get(owner)?.values() ?? [])].flatMap(({ token }) => (token === undefined ? [] : [token]));

function holderOf(owner: object, name: string): Held {
  const byName = held.get(owner) ?? new Map<string, Held>();
  held.set(owner, byName);
  const known = byName.get(name);
  if (known) return known;
  const [oldest] = byName.keys();
  if (byName.size >= MOST_NAMES && oldest !== undefined) byName.delete(oldest);
  const made: Held = { token: undefined, renewAtMs: 0, endsAtMs: 0, fetching: undefined };
  byName.set(name, made);
  return made;
}

function renew(holder: Held, nowMs: number, fetchToken: FetchToken): Promise<string> {
  const fetching = fetchToken(nowMs)
    .then(({ token, endsAtMs }) => {
      const lifeMs = (endsAtMs ?? nowMs + LONGEST_USE_MS) - nowMs;
      holder.token = token;
      holder.endsAtMs = endsAtMs ?? Infinity;
      holder.renewAtMs = nowMs + lifeMs - Math.min(MARGIN_MS, lifeMs * MARGIN_PART);
      return token;
    })
    .finally(() => {
      holder.fetching = undefined;
    });
  holder.fetching = fetching;
  return fetching;
}

export interface TokenExchange {
  /** Who gives it, for the error: `Databricks`. */
  readonly issuer: string;
  readonly url: string;
  readonly form: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** What to look at when it is refused. */
  readonly advice: string;
}

const EXCHANGE_LIMIT_MS = 30_000;
/** No token is so long. */
export const MOST_ANSWER_BYTES = 256 * 1024;
/** Words of the standard and codes of vendors; anything longer may quote what was sent. */
const REASON = /^[\w.-]{1,60}$/;

/** @throws GatewayError `upstream_unauthorized`, without a secret, for every way it can fail */
export async function exchangedToken(exchange: TokenExchange, nowMs: number): Promise<FetchedToken> {
  const response = await answerTo(exchange);
  const body = await bodyOf(response);
  const token = textOf(body['access_token']);
  if (!response.ok || token === undefined) {
    const sent = Object.values(exchange.form);
    const reason = [body['error'], body['errorCode']].find(
      (word) => typeof word === 'string' && REASON.test(word) && !sent.includes(word),
    );
    throw noToken(exchange, `${response.status}${reason === undefined ? '' : `, ${String(reason)}`}`);
  }
  const seconds = Number(body['expires_in']);
  return { token, endsAtMs: seconds > 0 ? nowMs + seconds * 1000 : undefined };
}

async function answerTo(exchange: TokenExchange): Promise<Response> {
  const { url, form, headers } = exchange;
  try {
    return await fetch(url, {
      method: 'POST',
      headers: { accept: 'application/json', ...headers },
      body: new URLSearchParams(form),
      // Where the secrets go is the operator's word, not the answer's.
      redirect: 'error',
      signal: AbortSignal.timeout(EXCHANGE_LIMIT_MS),
    });
  } catch (cause) {
    throw noToken(exchange, cause instanceof Error && cause.name === 'TimeoutError' ? 'no answer' : 'not reached');
  }
}

async function bodyOf(response: Response): Promise<JsonObject> {
  try {
    const body: unknown = JSON.parse((await boundedText(response, MOST_ANSWER_BYTES)) ?? '');
    return isObject(body) ? body : {};
  } catch {
    // Falls through: what is no JSON holds no token, and the parser's message would quote it.
  }
  return {};
}

/** @param why one short word or code */
export function noToken({ issuer, advice }: Pick<TokenExchange, 'issuer' | 'advice'>, why: string): GatewayError {
  return new GatewayError('upstream_unauthorized', `${issuer} gave no access token (${why}); ${advice}.`);
}
