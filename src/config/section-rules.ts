/** A section's table as it is written down. */
import type { KeyKinds, SectionRules } from './section.ts';

export const rules = <const S extends KeyKinds>(honoured: S, ignored: readonly string[] = []): SectionRules<S> => ({
  honoured,
  ignored,
});
