/** What goes wrong at an upstream, as fake upstreams do it: before their first content, or after some of it. */
import type { Behaviour } from './upstream.ts';

/** Anthropic's, with status 529 or inside a stream. Source: Anthropic's API reference, "Errors". */
export const OVERLOADED = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };

/** OpenAI's, as it comes inside a stream. */
const FAILED = { error: { message: 'The server had an error.', type: 'server_error', param: null, code: null } };

const HALF_JSON = '{"id": "chatcmpl-1", "choi';
/** Events with the role and the first words. */
const SOME = 4;
/** Bytes of a whole answer. */
const SOME_BYTES = 60;
const DRIP_MS = 20;
/** The end of a connection throws away what has not been read yet: even a busy gateway has read by then. */
const READ_MS = 300;

const firstThen =
  (...last: readonly string[]): NonNullable<Behaviour['edit']> =>
  (events) => [...events.slice(0, SOME), ...last];

/** Faults that no HTTP answer shows: the matrix takes another address for them. */
export const UNREACHED = ['refused', 'TLS error'] as const;

interface Moments {
  readonly stream: Behaviour;
  readonly whole: Behaviour;
}

const both = (behaviour: Behaviour): Moments => ({ stream: behaviour, whole: behaviour });

export const BEFORE: Readonly<Record<string, Moments>> = {
  refused: both({}),
  'TLS error': both({}),
  reset: both({ refuse: 'reset' }),
  '429 with Retry-After': both({ status: 429, headers: { 'retry-after': '1' } }),
  '429 without': both({ status: 429 }),
  '500': both({ status: 500 }),
  '503': both({ status: 503 }),
  '529': both({ status: 529, body: OVERLOADED }),
  mute: both({ silent: true }),
  'slow drip': both({ dripMs: DRIP_MS }),
  garbage: { stream: { events: [HALF_JSON, '[DONE]'] }, whole: { body: HALF_JSON } },
  cut: both({ cut: { after: 0, how: 'close' } }),
  'error event': { stream: { events: [JSON.stringify(FAILED)] }, whole: { body: FAILED } },
  'error event after the role': {
    stream: { edit: (events) => [...events.slice(0, 1), JSON.stringify(FAILED)], paceMs: 10 },
    whole: { body: FAILED },
  },
  'overloaded event': { stream: { events: [JSON.stringify(OVERLOADED)] }, whole: { body: OVERLOADED } },
};

/** What comes with a status or before it cannot come later. */
export const AFTER: Readonly<Record<string, Moments>> = {
  reset: {
    stream: { cut: { after: SOME, how: 'reset', waitMs: READ_MS } },
    whole: { cut: { after: SOME_BYTES, how: 'reset' } },
  },
  mute: { stream: { muteAfter: SOME }, whole: { splitAt: [SOME_BYTES], muteAfter: 1 } },
  'slow drip': { stream: { dripMs: DRIP_MS, dripAfter: SOME }, whole: { dripMs: DRIP_MS } },
  garbage: {
    stream: { edit: firstThen(HALF_JSON, '[DONE]'), paceMs: 10 },
    whole: { body: `${HALF_JSON}ces": [}]` },
  },
  cut: {
    stream: { cut: { after: SOME, how: 'close', waitMs: READ_MS } },
    whole: { cut: { after: SOME_BYTES, how: 'close' } },
  },
  'error event': { stream: { edit: firstThen(JSON.stringify(FAILED)), paceMs: 10 }, whole: { body: FAILED } },
  'overloaded event': {
    stream: { edit: firstThen(JSON.stringify(OVERLOADED)), paceMs: 10 },
    whole: { body: OVERLOADED },
  },
};
