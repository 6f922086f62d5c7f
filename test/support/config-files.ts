/** Configuration files on disk for a test, and what loading them gives. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Config, Finding } from '../../src/config/config.ts';
import { readEnv } from '../../src/config/env.ts';
import type { Layer } from '../../src/config/layer.ts';
import { ConfigError, loadConfig } from '../../src/config/load.ts';

export interface ConfigFolder {
  readonly path: string;
  write(name: string, text: string): string;
  remove(): void;
}

export function configFolder(): ConfigFolder {
  const path = mkdtempSync(join(tmpdir(), 'tollgate-config-'));
  return {
    path,
    write(name, text) {
      const file = join(path, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
      return file;
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

export const TEST_PROVIDERS = ['openai', 'azure', 'groq', 'hosted_vllm', 'anthropic', 'gemini', 'openrouter'];

type Environment = Readonly<Record<string, string>>;

/** Loads files by name; `config.yaml` is the main one. */
export function loadFiles(
  files: Readonly<Record<string, string>>,
  environment: Environment = {},
  layer?: Layer,
): Config {
  const folder = configFolder();
  try {
    for (const [name, text] of Object.entries(files)) folder.write(name, text);
    const file = join(folder.path, 'config.yaml');
    return loadConfig({ file, env: readEnv(environment), knownProviders: TEST_PROVIDERS, layer });
  } finally {
    folder.remove();
  }
}

export const load = (text: string, environment: Environment = {}, layer?: Layer): Config =>
  loadFiles({ 'config.yaml': text }, environment, layer);

/** All findings, whether or not the configuration can be used. */
export function findingsOf(text: string, environment: Environment = {}): readonly Finding[] {
  try {
    return load(text, environment).findings;
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown.findings;
    throw thrown;
  }
}

/** `path: message` of what stops a start. */
export const errorsOf = (text: string, environment: Environment = {}): string[] =>
  findingsOf(text, environment)
    .filter(({ level }) => level === 'error' || level === 'unknown')
    .map(({ path, message }) => `${path}: ${message}`);
