import { expect, spyOn, test } from 'bun:test';
import { runtimeFrom } from '../../test/support/runtime-from.ts';
import type { App } from '../app.ts';
import { printBanner } from './banner.ts';
import { createLog } from './log.ts';

const ONE =
  'model_list: [{model_name: "x/*", litellm_params: {model: "openai/*"}}, {model_name: m, litellm_params: {model: openai/m}}]';

/** What an app of this kind prints, to people and to the log. */
function printed(given: { made?: string; trySecret?: string; human?: boolean; yaml?: string }): {
  shown: string;
  logged: string;
} {
  const logged: string[] = [];
  const shown: string[] = [];
  const terminal = spyOn(process.stderr, 'write').mockImplementation((text) => shown.push(String(text)) > 0);
  // The banner reads these members only.
  const app = {
    listener: { url: 'http://127.0.0.1:4000' },
    masterKey: { hash: 'h', made: given.made },
    tryKey: given.trySecret === undefined ? undefined : { secret: given.trySecret },
    runtime: runtimeFrom(given.yaml ?? ONE),
  } as unknown as App;
  const log = createLog({ level: 'info', human: false, write: (line) => logged.push(line) });
  printBanner({ app, log, human: given.human ?? true });
  terminal.mockRestore();
  return { shown: shown.join(''), logged: logged.join('') };
}

const keyIn = (text: string): string | undefined => /Bearer ([^"]+)"/.exec(text.replaceAll('\\"', '"'))?.[1];

test('people get a curl that works when pasted: address, a model that is one, a key', () => {
  const { shown } = printed({ trySecret: 'sk-try-1' });
  expect(shown).toContain('curl http://localhost:4000/v1/chat/completions');
  expect(shown).toContain('"model": "m"');
  expect(keyIn(shown)).toBe('sk-try-1');
  expect(JSON.parse(/-d '(.*)'/.exec(shown)?.[1] ?? '')).toMatchObject({ messages: [{ role: 'user' }] });
});

test('a key that has just been made is shown, never logged', () => {
  for (const human of [true, false]) {
    const { shown, logged } = printed({ made: 'sk-made', human });
    expect(shown).toContain('shown this once: sk-made');
    expect(keyIn(shown)).toBe('sk-made');
    expect(logged).not.toContain('sk-made');
  }
});

test("the operator's own key is never printed: its variable stands for it", () => {
  const { shown } = printed({});
  expect(keyIn(shown)).toBe('$LITELLM_MASTER_KEY');
  expect(shown).not.toContain('Your admin key');
});

test('a machine without a key to show gets one line with the curl', () => {
  const { shown, logged } = printed({ human: false });
  expect(shown).toBe('');
  const entry = JSON.parse(logged);
  expect(entry).toMatchObject({ msg: 'listening', url: 'http://127.0.0.1:4000', models: ['m', 'x/*'] });
  expect(keyIn(entry.curl)).toBe('$LITELLM_MASTER_KEY');
});

test('a long list of models is cut where people read it', () => {
  const list = Array.from({ length: 15 }, (_, at) => `{model_name: m${at}, litellm_params: {model: openai/m}}`);
  const { shown, logged } = printed({ yaml: `model_list: [${list.join(', ')}]` });
  expect(shown).toContain('m11, 3 more\n');
  expect(shown).not.toContain('m12');
  expect(JSON.parse(logged).models).toHaveLength(15);
});

test('without a model of its own the curl has a place for one', () => {
  expect(printed({ yaml: 'model_list: []' }).shown).toContain('"model": "MODEL"');
});
