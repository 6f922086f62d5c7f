/** What the runtime alone costs: Bun's server and `fetch` with nothing in between. Not in the default set. */
import { join } from 'node:path';
import { freePort, ready, start } from '../processes.ts';
import type { Arm, ArmPlace } from './arm.ts';

export async function startFloor(place: ArmPlace): Promise<Arm> {
  const port = freePort();
  const started = start({
    name: 'floor',
    core: place.core,
    command: [process.execPath, join(import.meta.dir, 'floor-server.ts'), String(port), String(place.mockPort)],
    logFile: place.logFile,
    cwd: place.folder,
  });
  await ready(started, `http://127.0.0.1:${port}/`);
  return { name: 'floor', port, headers: { authorization: 'Bearer sk-bench' }, process: started, warmUpMs: 5000 };
}
