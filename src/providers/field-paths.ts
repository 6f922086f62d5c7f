/**
 * Paths of `additional_drop_params`: `temperature`, `parent.child`, `tools[*].input_examples`, `messages[0].name`.
 * Source: LiteLLM's documentation, "Drop unsupported params".
 */
import { isObject } from '../lib/json.ts';

type Step = string | number | typeof EVERY;
const EVERY = Symbol('every item');

const parsed = new Map<string, readonly Step[]>();
const MAX_REMEMBERED = 500;

/** The steps of a path, the first of them a top-level name. */
export function pathSteps(path: string): readonly Step[] {
  const known = parsed.get(path);
  if (known) return known;
  const steps = [...path.matchAll(/\[(\*|\d+)\]|([^.[\]]+)/g)].map(([, index, name]): Step => {
    if (index === undefined) return name ?? '';
    return index === '*' ? EVERY : Number(index);
  });
  // Clients may send any path: the memory of them is bounded.
  if (parsed.size >= MAX_REMEMBERED) parsed.clear();
  parsed.set(path, steps);
  return steps;
}

/** A copy without what the steps lead to; the very same value when they lead nowhere. */
export function withoutPath(value: unknown, steps: readonly Step[]): unknown {
  const [step, ...rest] = steps;
  if (step === undefined) return value;
  if (Array.isArray(value)) return withoutInList(value, step, rest);
  if (!isObject(value) || typeof step !== 'string' || !Object.hasOwn(value, step)) return value;
  if (rest.length === 0) {
    const { [step]: _, ...kept } = value;
    return kept;
  }
  const inner = withoutPath(value[step], rest);
  return inner === value[step] ? value : { ...value, [step]: inner };
}

function withoutInList(list: readonly unknown[], step: Step, rest: readonly Step[]): unknown {
  if (typeof step === 'string') return list;
  const chosen = (at: number): boolean => step === EVERY || step === at;
  if (rest.length === 0) return list.some((_, at) => chosen(at)) ? list.filter((_, at) => !chosen(at)) : list;
  const items = list.map((item, at) => (chosen(at) ? withoutPath(item, rest) : item));
  return items.some((item, at) => item !== list[at]) ? items : list;
}
