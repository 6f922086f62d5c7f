/** Parameters with their secrets taken out. */

type Json = Readonly<Record<string, unknown>>;
type IsSecret = (name: string, text: string) => boolean;

/** Without every text that is a secret, at any depth; a member that held nothing else goes with it. */
export function shownParams(params: Json, isSecret: IsSecret): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(params).flatMap(([name, value]) => {
      const shown = withoutTexts(value, (text) => isSecret(name, text));
      return shown === undefined ? [] : [[name, shown]];
    }),
  );
}

function withoutTexts(value: unknown, isHidden: (text: string) => boolean): unknown {
  if (typeof value === 'string') return isHidden(value) ? undefined : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => withoutTexts(item, isHidden)).filter((item) => item !== undefined);
    return items.length === 0 && value.length > 0 ? undefined : items;
  }
  const members = Object.entries(value).map(([name, item]) => [name, withoutTexts(item, isHidden)] as const);
  const shown = members.filter(([, item]) => item !== undefined);
  return shown.length === 0 && members.length > 0 ? undefined : Object.fromEntries(shown);
}

const SHORTEST_WITH_TAIL = 12;

/** All that may be seen of a secret: its last four letters, and not even those of a short one. */
export const masked = (secret: string): string =>
  secret.length < SHORTEST_WITH_TAIL ? '****' : `****${secret.slice(-4)}`;
