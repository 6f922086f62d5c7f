/** What a call refuses with. */
import { GatewayError } from '../../src/errors.ts';

export async function refusalOf(action: () => unknown): Promise<GatewayError> {
  try {
    await action();
  } catch (thrown) {
    if (thrown instanceof GatewayError) return thrown;
    throw thrown;
  }
  throw new Error('It was not refused');
}
