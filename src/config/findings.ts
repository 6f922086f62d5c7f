/** What reading a configuration finds out, collected so that all of it is reported together. */
import type { Finding, FindingLevel, Position } from './config.ts';

/** The findings that stop a start or a reload. */
export const isFatal = (finding: Finding): boolean => finding.level === 'error' || finding.level === 'unknown';

export class Findings {
  readonly all: Finding[] = [];

  add(level: FindingLevel, path: string, message: string, position: Position | undefined): void {
    this.all.push({ level, path, message, position });
  }

  error(path: string, message: string, position: Position | undefined): void {
    this.add('error', path, message, position);
  }

  warn(path: string, message: string, position: Position | undefined): void {
    this.add('warning', path, message, position);
  }
}

/** The configuration cannot be used. `findings` holds everything that was found, not only what is wrong. */
export class ConfigError extends Error {
  readonly findings: readonly Finding[];

  constructor(findings: readonly Finding[]) {
    super(findings.filter(isFatal).map(describeFinding).join('\n'));
    this.name = 'ConfigError';
    this.findings = findings;
  }
}

/** `config.yaml:6:14 router_settings.num_retries: must be …` */
export function describeFinding({ path, message, position }: Finding): string {
  const place = position ? `${position.file}:${position.line}:${position.column}` : '';
  const head = [place, path].filter((part) => part !== '').join(' ');
  return head === '' ? message : `${head}: ${message}`;
}
