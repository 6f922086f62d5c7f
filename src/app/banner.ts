/** What the start prints: where it listens, what is served, and a curl that works when pasted. */
import type { App } from '../app.ts';
import type { Log } from './log.ts';

export interface BannerOptions {
  readonly app: App;
  readonly log: Log;
  /** For people on a terminal; else one JSON line. */
  readonly human: boolean;
}

const MOST_NAMES = 12;
/** Stands for a key that is not ours to print. */
const THEIR_KEY = '$LITELLM_MASTER_KEY';

export function printBanner({ app, log, human }: BannerOptions): void {
  const { listener, masterKey, tryKey, runtime } = app;
  const names = [...new Set(runtime.groups.names)];
  const model = names.find((name) => !name.includes('*')) ?? 'MODEL';
  const address = listener.url.replace('127.0.0.1', 'localhost');
  const curl = (key: string): string =>
    `curl ${address}/v1/chat/completions -H "Authorization: Bearer ${key}" -H "Content-Type: application/json" -d '{"model": "${model}", "messages": [{"role": "user", "content": "Hello!"}]}'`;
  log.info('listening', { url: listener.url, models: names, ...(!human && { curl: curl(THEIR_KEY) }) });
  if (!human && masterKey.made === undefined && tryKey === undefined) return;
  const shown =
    names.length > MOST_NAMES ? [...names.slice(0, MOST_NAMES), `${names.length - MOST_NAMES} more`] : names;
  const admin = masterKey.made === undefined ? [] : [`  Your admin key, shown this once: ${masterKey.made}`];
  const hour = tryKey === undefined ? '' : ' (its key reaches the mock model for an hour)';
  const lines = [
    '',
    `  Tollgate is ready on ${address}`,
    `  Models: ${shown.join(', ')}`,
    ...admin,
    '',
    `  Try it${hour}:`,
    '',
  ];
  process.stderr.write(`${[...lines, `  ${curl(masterKey.made ?? tryKey?.secret ?? THEIR_KEY)}`].join('\n')}\n\n`);
}
