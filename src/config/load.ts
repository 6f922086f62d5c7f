/** `config.yaml` and the environment → one frozen Config, or a ConfigError that says everything that is wrong at once. */
import type { Config } from './config.ts';
import { readCredentials } from './credential-values.ts';
import { readDeployments } from './deployments.ts';
import { entityDefaults } from './entity-defaults.ts';
import type { Env } from './env.ts';
import { ConfigError, Findings, isFatal } from './findings.ts';
import { freezeDeep } from './freeze.ts';
import { healthSettings } from './health.ts';
import { keySettings } from './key-settings.ts';
import { type Layer, withLayer, writtenSettings } from './layer.ts';
import { limitSettings } from './limits.ts';
import { readLinks } from './links.ts';
import { readConfigFiles, readExported, resolveMap } from './read-files.ts';
import { routingSettings, warnOfSilentModels } from './routing.ts';
import { generalSettings, litellmSettings, openSections, routerSettings, tollgateSettings } from './settings.ts';
import type { MapTree } from './yaml-tree.ts';

export interface ConfigSource {
  /** The main file; `undefined` takes `CONFIG_FILE_PATH`. */
  readonly file: string | undefined;
  readonly env: Env;
  /** Provider prefixes that have an adapter. */
  readonly knownProviders: readonly string[];
  /** Made at run time. */
  readonly layer?: Layer | undefined;
}

/** Throws ConfigError. Where no file was given at all, use `builtInConfig`. */
export function loadConfig({ file, env, knownProviders, layer }: ConfigSource): Config {
  const findings = new Findings();
  const main = file ?? env.configFile;
  if (main === undefined) {
    findings.error('', 'no configuration file was given: use --config or CONFIG_FILE_PATH', undefined);
    throw new ConfigError(findings.all);
  }
  const { tree, files } = readConfigFiles(main, findings);
  if (tree === undefined) throw new ConfigError(findings.all);
  const parts = readTree(tree, { env, knownProviders, findings, layer });
  if (findings.all.some(isFatal)) throw new ConfigError(inOrder(findings.all, files));
  return freezeDeep({ files, findings: inOrder(findings.all, files), ...parts });
}

interface Reading {
  readonly env: Env;
  readonly knownProviders: readonly string[];
  readonly findings: Findings;
  readonly layer?: Layer | undefined;
}

export type ConfigParts = Omit<Config, 'files' | 'findings'>;

export function readTree(file: MapTree, { env, knownProviders, findings, layer }: Reading): ConfigParts {
  const written = layer ? withLayer(file, layer.settings) : file;
  const exportedEnv = readExported(written, env.lookup, findings);
  const exported = exportedOnto(env, exportedEnv, findings);
  const tree = resolveMap(written, exported.lookup);
  const sections = openSections(tree, findings);
  const { deployments, groupNames } = readDeployments(sections.top.read('model_list'), {
    findings,
    knownProviders,
    environmentName: exported.environmentName,
  });
  const served = {
    groupNames: [...groupNames, ...(layer?.served ?? [])],
    deploymentIds: deployments.map(({ id }) => id),
  };
  const links = readLinks(sections, served, findings);
  warnOfSilentModels(deployments, served, Object.keys(links.aliases), findings);
  return {
    exportedEnv,
    deployments,
    aliases: links.aliases,
    credentials: readCredentials(sections.top.read('credential_list'), findings),
    router: {
      ...routerSettings(sections, exported),
      ...routingSettings(sections, served, findings),
      fallbacks: links.fallbacks,
      contextWindowFallbacks: links.contextWindowFallbacks,
      contentPolicyFallbacks: links.contentPolicyFallbacks,
      defaultFallbacks: links.defaultFallbacks,
    },
    general: generalSettings(sections, exported, findings),
    litellm: litellmSettings(sections, exported, findings),
    limits: limitSettings(sections, exported, findings),
    keys: keySettings(sections, findings),
    entityDefaults: entityDefaults(sections, findings),
    health: healthSettings(sections, findings),
    written: writtenSettings(written),
    tollgate: tollgateSettings(sections, exported),
  };
}

/** A bad value in `environment_variables` is the file's error, not a crash. */
function exportedOnto(env: Env, exported: Readonly<Record<string, string>>, findings: Findings): Env {
  try {
    return env.withExported(exported);
  } catch (thrown) {
    findings.error('environment_variables', thrown instanceof Error ? thrown.message : 'cannot be used', undefined);
    return env;
  }
}

/** In the order of the files and their lines, so that a report reads like the file. */
function inOrder(findings: Findings['all'], files: readonly string[]): Findings['all'] {
  const rank = (file: string | undefined): number => (file === undefined ? -1 : files.indexOf(file));
  return findings.toSorted(
    (a, b) =>
      rank(a.position?.file) - rank(b.position?.file) ||
      (a.position?.line ?? 0) - (b.position?.line ?? 0) ||
      (a.position?.column ?? 0) - (b.position?.column ?? 0),
  );
}

export { ConfigError } from './findings.ts';
