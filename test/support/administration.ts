/** What an admin does while a test is being set up: every answer is a success, or the test fails with what was said. */
import type { Gateway } from './gateway.ts';

/** JSON of any shape; a test says what it expects. */
export type Body = Record<string, never>;

export interface Administered {
  readonly body: Body;
  readonly warning: string | null;
}

export interface Administration {
  admin(method: string, path: string, body?: object): Promise<Administered>;
  post(path: string, body: object): Promise<Body>;
  /** The secret of a new key. */
  made(fields: object): Promise<string>;
}

/** @param gateway there once the tests run */
export function administrationOf(gateway: () => Gateway): Administration {
  async function admin(method: string, path: string, body?: object): Promise<Administered> {
    const { url, masterKey } = gateway();
    const answer = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${masterKey}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
    return { body: text === '' ? {} : JSON.parse(text), warning: answer.headers.get('x-tollgate-warning') };
  }
  const post = async (path: string, body: object): Promise<Body> => (await admin('POST', path, body)).body;
  return { admin, post, made: async (fields) => String((await post('/key/generate', fields))['key']) };
}
