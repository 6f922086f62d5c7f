/** Some providers echo the credential that they refuse; none may reach a client or a log. */
import type { Target } from './adapter.ts';

/** Shorter ones would blot out ordinary words. */
const SHORTEST_SECRET = 8;
const CARRIERS = /auth|key|token|secret|cookie|pass|signature|credential/i;

/** @returns a function that blots out every secret of the target in a text, plain or as it stands inside JSON */
export function redactor(target: Target): (text: string) => string {
  const secrets = secretsOf(target).filter((secret) => secret.length >= SHORTEST_SECRET);
  if (secrets.length === 0) return (text) => text;
  const forms = [...new Set(secrets.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)]))];
  // The longest first: one may be part of another.
  forms.sort((a, b) => b.length - a.length);
  return (text) => forms.reduce((hidden, secret) => hidden.replaceAll(secret, '[redacted]'), text);
}

function secretsOf(target: Target): string[] {
  const inHeaders = Object.entries(target.extraHeaders)
    .filter(([name]) => CARRIERS.test(name))
    .flatMap(([, value]) => [value, value.replace(/^\w+ /, '')]);
  return [target.apiKey ?? '', ...inHeaders, ...(target.adapter.secretsOf?.(target) ?? [])];
}
