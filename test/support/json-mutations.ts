/** JSON values with something in them that nobody expects, the same on every run. */
import { type Leaf, leavesOf, type Path, valueAt, withMember, withoutMember } from './json-paths.ts';
import { seededRandom } from './seeded-random.ts';

const deep = (depth: number): unknown =>
  depth === 0 ? 'end' : depth % 2 === 0 ? [deep(depth - 1)] : { in: deep(depth - 1) };

/** What stands in the place of what was there. */
const ODD: readonly unknown[] = [
  ...[
    null,
    true,
    false,
    0,
    -1,
    1.5,
    1e308,
    -0,
    '',
    ' ',
    'text',
    '{',
    '[1',
    '{"a":',
    '\u0000\ud800',
    'x'.repeat(20_000),
  ],
  ...[[], {}, [null], [[]], [{}], { type: 'text' }, { type: null }, [1, 'a', null, {}], { toString: 1, length: -1 }],
  ...[
    deep(90),
    Array.from({ length: 300 }, () => ({ type: 'text', text: 'a' })),
    { $ref: '#' },
    { anyOf: [{ $ref: '#' }] },
  ],
  ...[JSON.parse('{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}}')],
];

/** Endless values; each like the one given but for one, two or three places. */
export function* mutationsOf(value: unknown, seed: number): Generator<unknown, never> {
  const random = seededRandom(seed);
  const pick = <Item>(items: readonly Item[]): Item | undefined => items[Math.floor(random() * items.length)];
  while (true) {
    let mutated = value;
    const count = 1 + Math.floor(random() * 3);
    for (let change = 0; change < count; change++) {
      const path = prefixOf(pick<Leaf>(leavesOf(mutated))?.path ?? [], random());
      if (path.length > 0)
        mutated = changed(mutated, path, { kind: random(), odd: pick(ODD), other: pick(leavesOf(value))?.value });
    }
    yield mutated;
  }
}

/** Mostly a leaf, sometimes what holds it. */
const prefixOf = (path: Path, chance: number): Path =>
  chance < 0.5 ? path : path.slice(0, Math.max(1, Math.ceil(path.length * chance)));

interface Change {
  readonly kind: number;
  readonly odd: unknown;
  readonly other: unknown;
}

function changed(value: unknown, path: Path, { kind, odd, other }: Change): unknown {
  if (kind < 0.2) return withoutMember(value, path);
  if (kind < 0.3) return withMember(value, path, other);
  if (kind < 0.4) return withMember(value, path, [valueAt(value, path), valueAt(value, path)]);
  return withMember(value, path, odd);
}
