/** Portkey's open-source gateway from npm, as its README starts it. Installed beside the bench from a lock file when absent. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, ready, start } from '../processes.ts';
import { type Arm, type ArmPlace, ArmUnavailable } from './arm.ts';

async function install(folder: string): Promise<void> {
  const command = ['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund'];
  const child = Bun.spawn(command, { cwd: folder, stdio: ['ignore', 'ignore', 'ignore'], timeout: 60_000 });
  if ((await child.exited) !== 0) throw new ArmUnavailable('`npm ci` in bench/portkey failed');
}

export async function startPortkey(place: ArmPlace): Promise<Arm> {
  const folder = join(place.root, 'bench', 'portkey');
  const script = join(folder, 'node_modules', '@portkey-ai', 'gateway', 'build', 'start-server.js');
  const node = Bun.which('node');
  if (!node) throw new ArmUnavailable('no node on PATH');
  if (!existsSync(script)) {
    place.note("installing Portkey's gateway into bench/portkey");
    await install(folder);
  }
  const port = freePort();
  const started = start({
    name: 'portkey',
    core: place.core,
    command: [node, script, `--port=${port}`, '--headless'],
    logFile: place.logFile,
    env: { NODE_ENV: 'production', TRUSTED_CUSTOM_HOSTS: '127.0.0.1' },
    cwd: place.folder,
  });
  await ready(started, `http://127.0.0.1:${port}/`);
  const headers = {
    authorization: 'Bearer sk-bench',
    'x-portkey-provider': 'openai',
    'x-portkey-custom-host': `http://127.0.0.1:${place.mockPort}/v1`,
  };
  return { name: 'portkey', port, headers, process: started, warmUpMs: 8000 };
}
