/** One pure function a strategy: which of the candidates is tried next. Source: LiteLLM's documentation of routing. */
import type { Target } from '../providers/adapter.ts';
import type { Load } from './load.ts';

export type Strategy =
  | 'simple-shuffle'
  | 'least-busy'
  | 'usage-based-routing-v2'
  | 'latency-based-routing'
  | 'cost-based-routing';

export interface Candidate {
  readonly target: Target;
  readonly load: Load;
  /** Dollars a token, in and out together; `undefined`: unknown, and taken for dear. */
  readonly usdPerToken: number | undefined;
}

export interface PickCall {
  readonly stream: boolean;
}

/** @param random in [0, 1) */
type Pick = (candidates: readonly Candidate[], call: PickCall, random: () => number) => Candidate | undefined;

/** LiteLLM takes a model of unknown price for one of five dollars a token. */
const UNKNOWN_USD_PER_TOKEN = 5;

/** What each strategy compares: less is better. A shuffle compares nothing. */
const SCORES: Readonly<Record<Strategy, (candidate: Candidate, call: PickCall) => number>> = {
  'simple-shuffle': () => 0,
  'least-busy': ({ load }) => load.inFlight,
  // Tokens are known when a call has ended: without a guess a slow deployment would be everybody's choice until then.
  'usage-based-routing-v2': ({ load }) => load.tokens + load.expectedTokens,
  // A deployment nobody has measured counts as quick, so that it is tried.
  'latency-based-routing': ({ load }, { stream }) =>
    ((stream ? load.firstContentMs : load.answerMs) ?? 0) * (load.inFlight + 1),
  'cost-based-routing': ({ usdPerToken }) => usdPerToken ?? UNKNOWN_USD_PER_TOKEN,
};

/** Strategies that compare nothing, so that nothing has to be measured for them. */
export const SCORELESS: ReadonlySet<Strategy> = new Set(['simple-shuffle']);

export const scoreOf = (strategy: Strategy, candidate: Candidate, call: PickCall): number =>
  SCORES[strategy](candidate, call);

/** In proportion to the weights. */
const byWeight: Pick = (candidates, _call, random) => {
  if (candidates.length < 2) return candidates[0];
  let total = 0;
  for (const { target } of candidates) total += target.weight;
  // Those that are to get nothing share what nobody else is left for.
  if (total === 0) return candidates[Math.floor(random() * candidates.length)];
  let left = random() * total;
  for (const candidate of candidates) {
    left -= candidate.target.weight;
    if (left < 0) return candidate;
  }
  return candidates.at(-1);
};

/** The least score, or one of those that share it. */
const least =
  (strategy: Strategy): Pick =>
  (candidates, call, random) => {
    const scores = candidates.map((candidate) => SCORES[strategy](candidate, call));
    const best = Math.min(...scores);
    const equals = candidates.filter((_, at) => scores[at] === best);
    return equals[Math.floor(random() * equals.length)];
  };

/** The better of two at random: nearly as good as the best, and not everybody's choice at the same moment. */
const betterOfTwo =
  (strategy: Strategy): Pick =>
  (candidates, call, random) => {
    if (candidates.length < 2) return candidates[0];
    const first = Math.floor(random() * candidates.length);
    const step = 1 + Math.floor(random() * (candidates.length - 1));
    const pair = [candidates[first], candidates[(first + step) % candidates.length]].filter((one) => one !== undefined);
    return pair.toSorted((a, b) => SCORES[strategy](a, call) - SCORES[strategy](b, call))[0];
  };

const PICKS: Readonly<Record<Strategy, Pick>> = {
  'simple-shuffle': byWeight,
  'least-busy': least('least-busy'),
  'usage-based-routing-v2': least('usage-based-routing-v2'),
  'latency-based-routing': betterOfTwo('latency-based-routing'),
  'cost-based-routing': least('cost-based-routing'),
};

export const pick = (
  strategy: Strategy,
  candidates: readonly Candidate[],
  call: PickCall,
  random: () => number,
): Candidate | undefined => PICKS[strategy](candidates, call, random);
