import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { type ConfigFolder, configFolder } from '../../test/support/config-files.ts';
import { readEnv } from '../config/env.ts';
import { ConfigError } from '../config/load.ts';
import { ConfigSource } from './config-source.ts';
import { createLog } from './log.ts';

let folder: ConfigFolder;
beforeEach(() => {
  folder = configFolder();
});
afterEach(() => folder.remove());

const sourceOf = (yaml: string, environment: Record<string, string> = {}): ConfigSource =>
  new ConfigSource(folder.write('config.yaml', yaml), readEnv(environment));

function checked(source: ConfigSource): { code: number; text: string } {
  const written: string[] = [];
  const code = source.check({ write: (text: string) => written.push(text) });
  return { code, text: written.join('') };
}

const GOOD = 'model_list: [{model_name: m, litellm_params: {model: openai/m, api_key: os.environ/KEY}}]';

describe('what is served', () => {
  test('is the file, with the environment filled in', () => {
    const [deployment] = sourceOf(GOOD, { KEY: 'sk-secret' }).load().deployments;
    expect(deployment).toMatchObject({ modelName: 'm', apiKey: 'sk-secret' });
  });

  test('is read anew each time', () => {
    const source = sourceOf(GOOD);
    source.load();
    folder.write('config.yaml', GOOD.replace('model_name: m', 'model_name: other'));
    expect(source.load().deployments[0]?.modelName).toBe('other');
  });

  test('without a file is the mock, and every provider whose key is there', () => {
    const config = new ConfigSource(undefined, readEnv({ GROQ_API_KEY: 'k' })).load();
    expect(config.files).toEqual([]);
    expect(config.deployments.map(({ modelName }) => modelName)).toEqual(['mock', 'groq/*']);
    expect(new ConfigSource(undefined, readEnv({})).load().deployments).toHaveLength(1);
  });

  test('is nothing when the file is faulty: all faults are said at once', () => {
    try {
      sourceOf('router_settings: {num_retries: many}\nmodel_list: 7').load();
      expect.unreachable();
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(ConfigError);
      expect(String(thrown)).toContain('num_retries');
      expect(String(thrown)).toContain('model_list');
    }
  });
});

describe('a check', () => {
  test('of a good file is 0 and lists what is honoured, without values that are secret', () => {
    const { code, text } = checked(sourceOf(GOOD, { KEY: 'sk-secret' }));
    expect(code).toBe(0);
    expect(text).toContain('litellm_params.api_key');
    expect(text).not.toContain('sk-secret');
    expect(text.endsWith('\n')).toBe(true);
  });

  test('of a faulty file is 1 and says where', () => {
    const { code, text } = checked(sourceOf(`${GOOD}\nrouter_settings:\n  num_retries: many`));
    expect(code).toBe(1);
    expect(text).toMatch(/config\.yaml:3:\d+/);
  });

  test('finds what only a start would find: a deployment that nobody can call', () => {
    const { code, text } = checked(sourceOf('model_list: [{model_name: m, litellm_params: {model: mystery}}]'));
    expect(code).toBe(1);
    expect(text).toContain('cannot tell the provider of model "mystery"');
  });

  test("resolves a provider's address from the file's own variables, as a start does", () => {
    const yaml = 'model_list: [{model_name: m, litellm_params: {model: hosted_vllm/m}}]';
    expect(checked(sourceOf(yaml)).code).toBe(1);
    const exported = `${yaml}\nenvironment_variables: {HOSTED_VLLM_API_BASE: "http://a/v1"}`;
    expect(checked(sourceOf(exported)).code).toBe(0);
  });

  test('of a file that is not there is 1', () => {
    const source = new ConfigSource(join(folder.path, 'missing.yaml'), readEnv({}));
    const { code, text } = checked(source);
    expect(code).toBe(1);
    expect(text).toContain('missing.yaml');
  });
});

test('an operator is told of each key that is not acted on, with its place, and of no other', () => {
  const source = sourceOf(`${GOOD}\nlitellm_settings:\n  set_verbose: true\n  drop_params: true`, { KEY: 'k' });
  const lines: string[] = [];
  source.report(source.load(), createLog({ level: 'info', human: false, write: (line) => lines.push(line) }));
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    expect.objectContaining({
      level: 'warn',
      msg: expect.stringContaining('litellm_settings.set_verbose'),
      place: expect.stringMatching(/config\.yaml:3:\d+$/),
    }),
  ]);
});
