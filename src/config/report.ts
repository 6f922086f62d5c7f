/** Findings as text for `--check-config`: what is wrong first, what is in use last. */
import type { Finding, FindingLevel } from './config.ts';
import { describeFinding, isFatal } from './findings.ts';

const HEADINGS: readonly (readonly [FindingLevel, string])[] = [
  ['error', 'Errors'],
  ['unknown', 'Unknown keys'],
  ['warning', 'Warnings'],
  ['ignored', 'Ignored: LiteLLM has these keys, Tollgate does not act on them yet'],
  ['honoured', 'In use'],
];

export const hasErrors = (findings: readonly Finding[]): boolean => findings.some(isFatal);

/** Each finding on its own line, `file:line:column path: message`, under a heading for its level; a summary at the end. */
export function formatFindings(findings: readonly Finding[]): string {
  const sections = HEADINGS.flatMap(([level, heading]) => {
    const found = findings.filter((finding) => finding.level === level);
    return found.length === 0 ? [] : [`${heading} (${found.length})\n${found.map(line).join('\n')}\n`];
  });
  return [...sections, summary(findings)].join('\n');
}

const line = (finding: Finding): string => `  ${describeFinding(finding)}`;

function summary(findings: readonly Finding[]): string {
  const count = (level: FindingLevel): number => findings.filter((finding) => finding.level === level).length;
  const parts = [
    `${count('error') + count('unknown')} errors`,
    `${count('warning')} warnings`,
    `${count('ignored')} keys ignored`,
    `${count('honoured')} in use`,
  ];
  return `${hasErrors(findings) ? 'This configuration cannot be used' : 'This configuration can be used'}: ${parts.join(', ')}.`;
}
