/** Tollgate as a user runs it: launcher, config file, virtual key, SQLite in a temporary folder, every request logged. */
import { Database } from 'bun:sqlite';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, ready, start } from '../processes.ts';
import { MODEL } from '../traffic.ts';
import { type Arm, type ArmPlace, ArmUnavailable } from './arm.ts';

export function configuration(mockPort: number, masterKey: string): string {
  return `
model_list:
  - model_name: ${MODEL}
    litellm_params:
      model: openai/${MODEL}
      api_base: http://127.0.0.1:${mockPort}/v1
      api_key: sk-bench
general_settings:
  master_key: ${masterKey}
`;
}

async function generateKey(port: number, masterKey: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/key/generate`, {
    method: 'POST',
    headers: { authorization: `Bearer ${masterKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ key_alias: 'bench', models: [MODEL] }),
  });
  if (!response.ok) throw new Error(`/key/generate answered ${response.status}: ${await response.text()}`);
  // As a JSON edge: a missing key shows at once as a 401 in the check before the first block.
  return ((await response.json()) as { key: string }).key;
}

/** Rows of the finished run against the answers that the load generator counted. */
function countRows(file: string, answered: number): string {
  const database = new Database(file, { readonly: true });
  try {
    // As: the shape is the query's own.
    const { rows } = database.query('select count(*) as rows from requests').get() as { rows: number };
    return rows === answered
      ? `all ${answered} answered requests have their log row`
      : `${rows} log rows for ${answered} answers`;
  } finally {
    database.close();
  }
}

export async function startTollgate(place: ArmPlace): Promise<Arm> {
  const launcher = join(place.root, 'bin', 'tollgate.mjs');
  const node = Bun.which('node');
  if (!node || !existsSync(launcher)) throw new ArmUnavailable('bin/tollgate.mjs or node is missing');
  const port = freePort();
  const masterKey = `sk-${crypto.randomUUID()}`;
  const config = join(place.folder, 'config.yaml');
  const database = join(place.folder, 'tollgate.db');
  writeFileSync(config, configuration(place.mockPort, masterKey));
  const started = start({
    name: 'tollgate',
    core: place.core,
    command: [node, launcher, '--config', config, '--port', String(port), '--host', '127.0.0.1'],
    logFile: place.logFile,
    env: { DATABASE_URL: `sqlite:${database}` },
    cwd: place.folder,
  });
  await ready(started, `http://127.0.0.1:${port}/health/liveliness`);
  const key = await generateKey(port, masterKey);
  return {
    name: 'tollgate',
    port,
    headers: { authorization: `Bearer ${key}` },
    process: started,
    warmUpMs: 5000,
    verify: (answered) => countRows(database, answered),
  };
}
