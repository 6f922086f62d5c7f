/**
 * `credential_list`, and values of credentials that are stored: how to reach a provider, under a name that deployments
 * refer to with `litellm_credential_name`. Source: LiteLLM's documentation of credentials.
 */
import type { CredentialConfig, CredentialValues } from './config.ts';
import { CREDENTIAL_ENTRY, CREDENTIAL_VALUES } from './credential-schema.ts';
import type { Findings } from './findings.ts';
import { PROVIDER_SETTINGS } from './known-params.ts';
import { openSection, refuseKey, warnOfUnsetVariable } from './section.ts';
import { describeValue } from './values.ts';
import { join, type Tree, toPlain } from './yaml-tree.ts';

const PATH = 'credential_list';
const SETTINGS = new Set(PROVIDER_SETTINGS);
const NAMES = [...Object.keys(CREDENTIAL_VALUES.honoured), ...PROVIDER_SETTINGS, ...CREDENTIAL_VALUES.ignored];

/** By name; of two with one name the first counts and the other is a finding. */
export function readCredentials(tree: Tree | undefined, findings: Findings): Record<string, CredentialConfig> {
  if (tree === undefined || (tree.kind === 'scalar' && tree.value === null)) return {};
  if (tree.kind !== 'list') {
    findings.error(PATH, `must be a list of credentials, not ${describeValue(tree)}`, tree.position);
    return {};
  }
  const read = new Map<string, CredentialConfig>();
  for (const [index, item] of tree.items.entries()) {
    const path = join(PATH, String(index));
    const entry = openSection({ tree: item, path, rules: CREDENTIAL_ENTRY }, findings);
    const name = entry.read('credential_name');
    const values = readCredentialValues(entry.read('credential_values'), join(path, 'credential_values'), findings);
    if (name === undefined || name === '')
      findings.error(join(path, 'credential_name'), 'is missing; deployments refer to it', item.position);
    else if (read.has(name))
      findings.error(join(path, 'credential_name'), `"${name}" is the name of an earlier one`, item.position);
    else read.set(name, { name, values, info: entry.read('credential_info') ?? {} });
  }
  return Object.fromEntries(read);
}

/** What no provider setting is named is refused: as a default of requests a secret would travel in their bodies. */
export function readCredentialValues(tree: Tree | undefined, path: string, findings: Findings): CredentialValues {
  const settings = new Map<string, unknown>();
  const section = openSection(
    {
      tree,
      path,
      rules: CREDENTIAL_VALUES,
      onUnknownKey: (key, entry, keyPath) => {
        if (!SETTINGS.has(key)) return refuseKey({ key, entry, path }, NAMES, findings);
        findings.add('honoured', keyPath, 'handed to the provider', entry.keyPosition);
        warnOfUnsetVariable(keyPath, entry, findings);
        const value = toPlain(entry.value);
        if (value !== null) settings.set(key, value);
      },
    },
    findings,
  );
  return {
    customProvider: section.read('custom_llm_provider'),
    apiKey: section.read('api_key'),
    apiBase: section.read('api_base') ?? section.read('base_url'),
    apiVersion: section.read('api_version'),
    organization: section.read('organization'),
    extraHeaders: section.read('extra_headers') ?? {},
    providerSettings: Object.fromEntries(settings),
  };
}
