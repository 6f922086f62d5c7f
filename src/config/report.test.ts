import { describe, expect, test } from 'bun:test';
import { findingsOf, load } from '../../test/support/config-files.ts';
import { ConfigError } from './load.ts';
import { formatFindings, hasErrors } from './report.ts';

const TEXT = `
model_list:
  - model_name: m
    litellm_params: {model: openai/x, zebra: 1}
router_settings:
  num_retries: many
  redis_port: 6379
general_settings:
  mastr_key: sk-canary
`;

describe('the report of a configuration', () => {
  test('lists errors, unknown keys, warnings, ignored and used keys, each with its place', () => {
    const report = formatFindings(findingsOf(TEXT)).replaceAll(/\S*config\.yaml/g, 'config.yaml');
    const order = ['Errors (1)', 'Unknown keys (1)', 'Warnings (1)', 'Ignored', 'In use (6)'];
    const places = order.map((heading) => report.indexOf(heading));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(places[0]).toBe(0);
    expect(report).toContain(
      '  config.yaml:6:16 router_settings.num_retries: must be a whole number, 0 or more, not text\n',
    );
    expect(report).toContain(
      '  config.yaml:9:3 general_settings.mastr_key: nobody knows this key. Did you mean "master_key"?\n',
    );
    expect(report).toContain('  config.yaml:7:3 router_settings.redis_port: LiteLLM has this key');
    expect(report).toContain('  config.yaml:4:39 model_list.0.litellm_params.zebra: ');
    expect(report).toEndWith('This configuration cannot be used: 2 errors, 1 warnings, 1 keys ignored, 6 in use.');
  });

  test('never shows a value', () => {
    expect(formatFindings(findingsOf(TEXT))).not.toContain('canary');
  });

  test('says that a configuration can be used, and leaves out empty headings', () => {
    const report = formatFindings(load('model_list: [{model_name: m, litellm_params: {model: openai/x}}]').findings);
    expect(report).toContain('This configuration can be used: 0 errors');
    expect(report).not.toContain('Errors');
    expect(report).not.toContain('Warnings');
  });

  test('of a place-less finding has no place', () => {
    const report = formatFindings([{ level: 'error', path: '', message: 'no file', position: undefined }]);
    expect(report).toContain('  no file\n');
  });

  test('has errors when there is an error or an unknown key, and not for less', () => {
    const finding = { path: 'x', message: 'y', position: undefined };
    expect(hasErrors([{ ...finding, level: 'error' }])).toBe(true);
    expect(hasErrors([{ ...finding, level: 'unknown' }])).toBe(true);
    expect(
      hasErrors([
        { ...finding, level: 'warning' },
        { ...finding, level: 'ignored' },
        { ...finding, level: 'honoured' },
      ]),
    ).toBe(false);
    expect(hasErrors([])).toBe(false);
  });

  test('the thrown error carries every finding and a message with only what is wrong', () => {
    let thrown: unknown;
    try {
      load(TEXT);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ConfigError);
    const error = thrown instanceof ConfigError ? thrown : undefined;
    expect(error?.message.split('\n')).toHaveLength(2);
    expect(error?.findings.length).toBeGreaterThan(5);
  });
});
