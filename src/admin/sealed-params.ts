/** `litellm_params` and values of credentials on their way into the database and out of it. */
import { openValues, type SealedRow, sealValues } from '../db/sealed-values.ts';
import { invalidRequest } from '../errors.ts';
import { masked, shownParams } from '../lib/shown-values.ts';
import type { ModelRegistry } from './model-registry.ts';

type Json = Readonly<Record<string, unknown>>;
type Registry = Pick<ModelRegistry, 'box' | 'isSecret' | 'asText'>;

/** Without nulls, and numbers that are text as text. */
export function normalized(values: Json, { asText }: Registry): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values)
      .filter(([, value]) => value !== null)
      .map(([name, value]) => [name, asText(name, value)]),
  );
}

/** JSON for the database: every secret in it is sealed. */
export function sealed(registry: Registry, row: SealedRow, values: Json): string {
  const parts = Object.entries(values).map(([name, value]) => {
    const isSecret = (text: string): boolean => registry.isSecret(name, text);
    return [name, sealMember(registry, row, { name, value, isSecret })];
  });
  return JSON.stringify(Object.fromEntries(parts));
}

interface Member {
  readonly name: string;
  readonly value: unknown;
  readonly isSecret: (text: string) => boolean;
}

/** A text that looks like a sealed one is sealed as well, or it would be opened when it is read. */
function sealMember(registry: Registry, row: SealedRow, { name, value, isSecret }: Member): unknown {
  const { box } = registry;
  const looksSealed = (text: string): boolean => /^v1:/.test(text);
  if (!holdsText(value, (text) => isSecret(text) || looksSealed(text))) return value;
  return sealValues(box(), row, { [name]: value })[name];
}

function holdsText(value: unknown, test: (text: string) => boolean): boolean {
  if (typeof value === 'string') return test(value);
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).some((item) => holdsText(item, test));
}

export interface Change {
  readonly row: SealedRow;
  /** JSON of the column. */
  readonly stored: string;
  /** Members that are sent replace those that are there; `null` takes one away. */
  readonly sent: Json;
  /** Name of the field that holds them, for messages. */
  readonly field: string;
}

/**
 * What is stored, opened, with what was sent over it.
 * @throws GatewayError 400 when a secret that stays cannot be opened
 */
export function changed(registry: Registry, { row, stored, sent, field }: Change): Record<string, unknown> {
  const kept = Object.entries(objectIn(stored)).filter(([name]) => !Object.hasOwn(sent, name));
  const opened = kept.map(([name, value]) => {
    try {
      return [name, openValues(registry.box(), row, { [name]: value })[name]] as const;
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : 'it cannot be opened';
      throw invalidRequest(`Send '${field}.${name}' anew, or null to remove it: ${why}`, `${field}.${name}`);
    }
  });
  return normalized({ ...Object.fromEntries(opened), ...sent }, registry);
}

/** What may be shown of what is stored. Sealed texts are not opened for it: they are just left out. */
export function shown(registry: Registry, stored: string): Record<string, unknown> {
  return shownParams(objectIn(stored), (name, text) => /^v1:/.test(text) || registry.isSecret(name, text));
}

/** Each secret as its last four letters. One that cannot be opened shows nothing of itself. */
export function maskedValues(registry: Registry, row: SealedRow, stored: string): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(objectIn(stored)).map(([name, value]) => {
      try {
        const opened = openValues(registry.box(), row, { [name]: value })[name];
        return [name, maskedTexts(opened, (text) => registry.isSecret(name, text))];
      } catch {
        return [name, '****'];
      }
    }),
  );
}

/** Names of secrets that are other ones than before: sealed texts differ each time, so they are opened for it. */
export function changedSecrets(registry: Registry, row: SealedRow, before: string, after: string): string[] {
  const [old, now] = [objectIn(before), objectIn(after)];
  const names = [...new Set([...Object.keys(old), ...Object.keys(now)])];
  const open = (values: Json, name: string): unknown => {
    try {
      return openValues(registry.box(), row, { [name]: values[name] })[name];
    } catch {
      return values[name];
    }
  };
  return names.filter((name) => {
    const [one, other] = [open(old, name), open(now, name)];
    const isSecret = [one, other].some((value) => holdsText(value, (text) => registry.isSecret(name, text)));
    return isSecret && JSON.stringify(one) !== JSON.stringify(other);
  });
}

function maskedTexts(value: unknown, isSecret: (text: string) => boolean): unknown {
  if (typeof value === 'string') return isSecret(value) ? masked(value) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => maskedTexts(item, isSecret));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, maskedTexts(item, isSecret)]));
}

/** A column that cannot be read holds nothing. */
export function objectIn(json: string | null): Record<string, unknown> {
  if (json === null) return {};
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return {};
    return value as Record<string, unknown>; // Checked just now.
  } catch {
    return {};
  }
}
