/** What to say first about input that a schema did not accept: which field, and what it should have been. */
import type { z } from '@hono/zod-openapi';

type Issue = z.core.$ZodIssue;

export interface Fault {
  readonly path: readonly PropertyKey[];
  /** A field that is not there, within `path`. */
  readonly unknown?: string | undefined;
  readonly says: string;
}

const NUMBERS: Readonly<Record<string, string>> = { number: 'must be a number', int: 'must be a whole number' };

/** Words for what zod would say in its own; `undefined` leaves them to it. */
export function wording(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== 'invalid_type') return undefined;
  if (issue.input === undefined) return 'is missing';
  return NUMBERS[issue.expected];
}

export function faultIn(error: z.ZodError): Fault {
  const [issue] = error.issues;
  return issue === undefined ? { path: [], says: 'is not accepted' } : deepest(issue);
}

/** Of a field that may be one thing or another: what is wrong with the one that was most likely meant. */
function deepest(issue: Issue): Fault {
  if (issue.code !== 'invalid_union') return faultOf(issue);
  const [likeliest] = issue.errors
    .flatMap(([first]) => (first === undefined ? [] : [first]))
    .sort((a, b) => closeness(b) - closeness(a));
  if (likeliest === undefined) return faultOf(issue);
  const fault = deepest(likeliest);
  return { ...fault, path: [...issue.path, ...fault.path] };
}

/** An alternative that got further into the value, or liked its type, was rather the one meant. */
const closeness = ({ path, code }: Issue): number => 2 * path.length + (code === 'invalid_type' ? 0 : 1);

const faultOf = (issue: Issue): Fault => ({
  path: issue.path,
  unknown: issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined,
  says: issue.message,
});
