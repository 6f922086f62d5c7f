/** What is served in a test: a configuration of its own, and whatever stands in the database. */

import { randomBytes } from 'node:crypto';
import type { ModelRegistry } from '../../src/admin/model-registry.ts';
import { LiveModels } from '../../src/app/live-models.ts';
import type { Log } from '../../src/app/log.ts';
import { createModelRegistry } from '../../src/app/model-registry.ts';
import { type LiveSettings, openRunTimeSettings } from '../../src/app/run-time-settings.ts';
import { readEnv } from '../../src/config/env.ts';
import type { Database } from '../../src/db/client.ts';
import { createSecretBox } from '../../src/lib/secret-box.ts';
import { loadCatalog } from '../../src/pricing/catalog.ts';
import { load } from './config-files.ts';

export interface ModelsOptions {
  /** Sections of the configuration file. */
  readonly sections?: object;
  readonly environment?: Readonly<Record<string, string>>;
  /** Takes the warnings of the program's own log. */
  warn?(line: string): void;
}

const MASTER_KEY = 'sk-master-of-the-model-tests';
/** Deriving a key is slow on purpose, so all tests of a process share one. */
const KEY = { id: 'tests', secret: MASTER_KEY };
const box = createSecretBox({ keys: [KEY], current: KEY.id, randomBytes });

export async function liveModels(
  db: Database,
  { sections = {}, environment = {}, warn = () => {} }: ModelsOptions = {},
): Promise<{ readonly live: LiveModels; readonly registry: ModelRegistry; readonly settings: LiveSettings }> {
  const catalog = loadCatalog();
  const text = JSON.stringify({ general_settings: { master_key: MASTER_KEY }, ...sections });
  const log: Pick<Log, 'warn'> = { warn: (message, fields) => warn(JSON.stringify({ message, ...fields })) };
  const live = new LiveModels({
    config: load(text, environment),
    env: readEnv(environment),
    catalog,
    box: () => box,
    now: Date.now,
    log,
  });
  await live.connect(db);
  const settings = await openRunTimeSettings({ db, live, log, load: (layer) => load(text, environment, layer) });
  return { live, registry: createModelRegistry(live, catalog), settings };
}
