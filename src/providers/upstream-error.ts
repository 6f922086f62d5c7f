import { GatewayError } from '../errors.ts';
import type { Target } from './adapter.ts';
export function upstreamError(f: { target: Target; status: number; body: string; headers: Headers }): GatewayError {
  return new GatewayError(
    f.status === 429 ? 'upstream_busy' : f.status >= 500 ? 'upstream_failed' : 'upstream_rejected',
    f.body.slice(0, 200),
    { upstreamStatus: f.status },
  );
}
