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

export function printBanner({ app, log, human }: BannerOptions): void {
  const { listener, masterKey, runtime } = app;
  const names = [...new Set(runtime.groups.names)];
  const model = names.find((name) => !name.includes('*')) ?? 'MODEL';
  const shown =
    names.length > MOST_NAMES ? [...names.slice(0, MOST_NAMES), `and ${names.length - MOST_NAMES} more`] : names;
  const key = masterKey.made ?? '$LITELLM_MASTER_KEY';
  const address = listener.url.replace('127.0.0.1', 'localhost');
  const curl = `curl ${address}/v1/chat/completions -H "Authorization: Bearer ${key}" -H "Content-Type: application/json" -d '{"model": "${model}", "messages": [{"role": "user", "content": "Hello!"}]}'`;
  log.info('listening', { url: listener.url, models: names, curl: curl.replace(key, '$LITELLM_MASTER_KEY') });
  if (human || masterKey.made !== undefined) {
    const made = masterKey.made === undefined ? '' : `  Your admin key, shown this once:  ${masterKey.made}\n`;
    process.stderr.write(
      `\n  Tollgate is ready on ${address}\n  Models: ${shown.join(', ')}\n${made}\n  Try it:\n\n  ${curl}\n\n`,
    );
  }
}
