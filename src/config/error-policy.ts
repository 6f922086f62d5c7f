/** Counts by what went wrong: retries, or failures that are borne. Source: LiteLLM's documentation of its policies. */
import type { ErrorClass } from '../errors.ts';
import type { ErrorPolicy } from './config.ts';
import type { Findings } from './findings.ts';
import { POLICY_ERRORS } from './schema.ts';
import { type KeyKinds, openSection, type SectionRules } from './section.ts';
import type { Tree } from './yaml-tree.ts';

interface PolicyPlace {
  readonly path: string;
  readonly rules: SectionRules<KeyKinds>;
}

export function policyOf(tree: Tree | undefined, { path, rules }: PolicyPlace, findings: Findings): ErrorPolicy {
  const section = openSection({ tree, path, rules }, findings);
  const policy: Partial<Record<ErrorClass | 'default', number>> = {};
  for (const [key] of section.entries) {
    const value = section.read(key);
    const named = classNamed(key);
    if (typeof value === 'number' && named !== undefined) policy[named] = value;
  }
  return policy;
}

function classNamed(key: string): ErrorClass | 'default' | undefined {
  if (key === 'DefaultRetries') return 'default';
  const found = Object.entries(POLICY_ERRORS).find(
    ([, name]) => key === `${name}Retries` || key === `${name}AllowedFails`,
  );
  // The table's own keys are the classes.
  return found?.[0] as ErrorClass | undefined;
}
