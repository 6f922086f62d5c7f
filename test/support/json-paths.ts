/** Members of JSON values by path, as errors and changes name them: `messages[0].content[1].text`. */

export type Step = string | number;
export type Path = readonly Step[];

export const pathText = (path: Path): string =>
  path.map((step, at) => (typeof step === 'number' ? `[${step}]` : at === 0 ? step : `.${step}`)).join('');

export const pathOf = (text: string): Path =>
  [...text.matchAll(/[^.[\]]+/g)].map(([step]) => (/^\d+$/.test(step) ? Number(step) : step));

const membersOf = (value: unknown): readonly (readonly [Step, unknown])[] => {
  if (Array.isArray(value)) return value.map((item: unknown, at) => [at, item] as const);
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
};

export interface Leaf {
  readonly path: Path;
  readonly value: unknown;
}

/** Members at every depth that have none of their own. */
export function leavesOf(value: unknown, at: Path = []): readonly Leaf[] {
  return membersOf(value).flatMap(([step, inner]) => {
    const path = [...at, step];
    const leaves = leavesOf(inner, path);
    return leaves.length > 0 ? leaves : [{ path, value: inner }];
  });
}

export const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>((inner, step) => membersOf(inner).find(([key]) => key === step)?.[1], value);

/** A copy without the member. */
export function withoutMember(value: unknown, [step, ...rest]: Path): unknown {
  const kept = membersOf(value).flatMap(([key, inner]): [Step, unknown][] => {
    if (key !== step) return [[key, inner]];
    return rest.length === 0 ? [] : [[key, withoutMember(inner, rest)]];
  });
  return Array.isArray(value) ? kept.map(([, inner]) => inner) : Object.fromEntries(kept);
}

/** A copy with another value in the member's place. */
export function withMember(value: unknown, [step, ...rest]: Path, put: unknown): unknown {
  const kept = membersOf(value).map(([key, inner]): [Step, unknown] => {
    if (key !== step) return [key, inner];
    return [key, rest.length === 0 ? put : withMember(inner, rest, put)];
  });
  return Array.isArray(value) ? kept.map(([, inner]) => inner) : Object.fromEntries(kept);
}

/** Where two values differ: as deep as both have the same members, and lists of the same length. */
export function differences(one: unknown, other: unknown, at: Path = []): Path[] {
  if (Bun.deepEquals(one, other, true)) return [];
  const [left, right] = [new Map(membersOf(one)), new Map(membersOf(other))];
  const sameKind = Array.isArray(one) === Array.isArray(other) && left.size > 0 && right.size > 0;
  if (!sameKind || (Array.isArray(one) && left.size !== right.size)) return [at];
  return [...new Set([...left.keys(), ...right.keys()])].flatMap((step) => {
    const path = [...at, step];
    return left.has(step) && right.has(step) ? differences(left.get(step), right.get(step), path) : [path];
  });
}
