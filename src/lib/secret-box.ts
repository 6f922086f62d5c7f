/**
 * Secrets at rest: AES-256-GCM under a named key, bound to the place where they stand. A sealed text that is opened with
 * another key, in another place, or after a change gives an error and never a wrong secret.
 */
import { createCipheriv, createDecipheriv, createHash, scryptSync } from 'node:crypto';

export interface SecretKey {
  /** Stands in the sealed text: up to 64 letters, digits, `.`, `_`, `-`. */
  readonly id: string;
  readonly secret: string;
}

export interface SecretBoxOptions {
  /** All that stored texts may be sealed with. */
  readonly keys: readonly SecretKey[];
  /** Id of the one that seals from now on. */
  readonly current: string;
  randomBytes(size: number): Uint8Array;
}

export interface SecretBox {
  readonly currentKeyId: string;
  /** @param place says where the text will stand, such as table, row and field @returns `v1:<key id>:<base64url>` */
  seal(plain: string, place: string): string;
  /** @throws SecretBoxError */
  open(sealed: string, place: string): string;
  /** `undefined`: the text is not a sealed one. */
  keyIdOf(text: string): string | undefined;
}

/** Says what to do. Holds neither the secret nor the sealed text. */
export class SecretBoxError extends Error {
  override readonly name = 'SecretBoxError';
}

const SEALED = /^v1:([\w.-]{1,64}):([\w-]{38,})$/;
const KEY_ID = /^[\w.-]{1,64}$/;
const IV_BYTES = 12;
const TAG_BYTES = 16;

export function createSecretBox({ keys, current, randomBytes }: SecretBoxOptions): SecretBox {
  for (const { id } of keys) {
    if (!KEY_ID.test(id)) throw new SecretBoxError(`The key id "${id}" may hold only letters, digits, ".", "_", "-".`);
  }
  if (!keys.some(({ id }) => id === current)) throw new SecretBoxError(`There is no key "${current}" to seal with.`);
  const derived = new Map<string, Buffer>();

  /** Slow on purpose, so once a key, and not before it is used. */
  function keyFor(id: string): Buffer {
    const known = derived.get(id);
    if (known !== undefined) return known;
    const found = keys.find((key) => key.id === id);
    if (found === undefined) {
      throw new SecretBoxError(
        `A stored secret is sealed with the key "${id}", which is not known here. Start with the LITELLM_SALT_KEY it was stored under, or store the secret again.`,
      );
    }
    const key = derive(found.secret);
    derived.set(id, key);
    return key;
  }

  return {
    currentKeyId: current,
    seal(plain, place) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', keyFor(current), iv, { authTagLength: TAG_BYTES });
      cipher.setAAD(boundTo(current, place));
      const parts = [iv, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()];
      return `v1:${current}:${Buffer.concat(parts).toString('base64url')}`;
    },
    open(sealed, place) {
      const [, id = '', text = ''] = SEALED.exec(sealed) ?? [];
      if (id === '') throw new SecretBoxError('A stored secret is not sealed, or is cut off. Store it again.');
      const bytes = Buffer.from(text, 'base64url');
      const decipher = createDecipheriv('aes-256-gcm', keyFor(id), bytes.subarray(0, IV_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(boundTo(id, place));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      try {
        return decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
      } catch (cause) {
        throw new SecretBoxError(
          `A stored secret does not open with the key "${id}": the key's secret is another one now, or the stored text was changed or moved. Start with the LITELLM_SALT_KEY it was stored under, or store the secret again.`,
          { cause },
        );
      }
    },
    keyIdOf: (text) => SEALED.exec(text)?.[1],
  };
}

/** A name for a key that tells nothing of its secret which guessing would not find as slowly as from a sealed text. */
export const keyIdOfSecret = (secret: string): string =>
  createHash('sha256').update('key id').update(derive(secret)).digest('hex').slice(0, 12);

/** One salt for all: the secret is an installation's own, and every installation must find the same key again. */
const derive = (secret: string): Buffer => scryptSync(secret, 'tollgate secret box v1', 32);

const boundTo = (keyId: string, place: string): Buffer => Buffer.from(`v1:${keyId}:${place}`);
