/** No gateway at all: shows what the rig itself can do, and that its answers are whole. */
import type { Arm, ArmPlace } from './arm.ts';

export function startDirect(place: ArmPlace): Promise<Arm> {
  const headers = { authorization: 'Bearer sk-bench' };
  return Promise.resolve({ name: 'direct', port: place.mockPort, headers, process: undefined, warmUpMs: 500 });
}
