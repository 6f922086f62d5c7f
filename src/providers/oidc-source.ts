/**
 * Identity tokens that a platform gives to the programs on it, named by `oidc/…` where a secret would stand. Sources:
 * LiteLLM's documentation of OIDC providers; GitHub's, CircleCI's, Google's and Azure's documents on their tokens.
 */
import { readFile, realpath } from 'node:fs/promises';
import { isAbsolute, sep } from 'node:path';
import { boundedText } from '../lib/bounded-text.ts';
import { isObject, textOf } from '../lib/json.ts';
import type { LookUp } from './adapter.ts';

export interface OidcSource {
  /** What must never be echoed. */
  readonly secrets: readonly string[];
  /** The token as it is now: platforms exchange it. Throws Error with a plain message. */
  read(): Promise<string>;
}

/** Where platforms put tokens. LiteLLM's default; `LITELLM_OIDC_ALLOWED_CREDENTIAL_DIRS` replaces it. */
const TOKEN_FOLDERS = ['/var/run/secrets', '/run/secrets'];
const METADATA_HOST = 'metadata.google.internal';
const LIMIT_MS = 10_000;
/** No token is so long. */
const MOST_BYTES = 256 * 1024;

export const isOidcReference = (text: string): boolean => text.startsWith('oidc/');

/**
 * @param reference `oidc/KIND/REST`: `env/NAME`, `env_path/NAME`, `file//PATH`, `github/AUDIENCE`, `google/AUDIENCE`,
 *   `circleci/`, `circleci_v2/`, `azure/`
 * @throws Error with a plain message for a kind that is not known and for what the environment lacks
 */
export function oidcSource(reference: string, lookUp: LookUp): OidcSource {
  const [, kind = '', ...rest] = reference.split('/');
  const subject = rest.join('/');
  const needed = (name: string): string => {
    const value = lookUp(name);
    if (value === undefined) throw new Error(`oidc/${kind} needs the environment variable ${name}, which is not set`);
    return value;
  };
  switch (kind) {
    case 'env':
      return fixed(needed(subject));
    case 'circleci':
      return fixed(needed('CIRCLE_OIDC_TOKEN'));
    case 'circleci_v2':
      return fixed(needed('CIRCLE_OIDC_TOKEN_V2'));
    case 'env_path':
      return file(needed(subject));
    case 'azure':
      return file(needed('AZURE_FEDERATED_TOKEN_FILE'));
    case 'file':
      return guardedFile(subject, lookUp);
    case 'github':
      return github(needed('ACTIONS_ID_TOKEN_REQUEST_URL'), needed('ACTIONS_ID_TOKEN_REQUEST_TOKEN'), subject);
    case 'google':
      return google(lookUp('GCE_METADATA_HOST') ?? METADATA_HOST, subject);
    default:
      throw new Error('oidc/ must be followed by env, env_path, file, azure, github, google, circleci or circleci_v2');
  }
}

const fixed = (token: string): OidcSource => ({ secrets: [token], read: async () => token });

const file = (path: string): OidcSource => ({ secrets: [], read: () => textOfFile(path) });

async function textOfFile(path: string): Promise<string> {
  const text = (await readFile(path, 'utf8')).trim();
  if (text === '') throw new Error('the file of the identity token is empty');
  return text;
}

/** Whoever may write a configuration may not for that reason read every file of the machine. */
function guardedFile(path: string, lookUp: LookUp): OidcSource {
  if (!isAbsolute(path))
    throw new Error('oidc/file/ must be followed by an absolute path, such as oidc/file//run/secrets/token');
  const given = lookUp('LITELLM_OIDC_ALLOWED_CREDENTIAL_DIRS')
    ?.split(',')
    .map((folder) => folder.trim());
  const folders = given?.filter((folder) => folder !== '') ?? TOKEN_FOLDERS;
  return {
    secrets: [],
    async read() {
      const real = await realpath(path);
      const allowed = await Promise.all(folders.map((folder) => realpath(folder).catch(() => folder)));
      if (!allowed.some((folder) => real.startsWith(folder.endsWith(sep) ? folder : folder + sep))) {
        throw new Error(
          'the file of oidc/file is outside the folders of credentials; LITELLM_OIDC_ALLOWED_CREDENTIAL_DIRS names more',
        );
      }
      return await textOfFile(real);
    },
  };
}

function github(url: string, token: string, audience: string): OidcSource {
  const asked = new URL(url);
  asked.searchParams.set('audience', audience);
  return {
    secrets: [token],
    async read() {
      const headers = { authorization: `Bearer ${token}`, accept: 'application/json; api-version=2.0' };
      const value = valueIn(await textAt(asked, headers));
      if (value === undefined) throw new Error('GitHub gave no identity token');
      return value;
    },
  };
}

function valueIn(text: string): string | undefined {
  try {
    const answer: unknown = JSON.parse(text);
    return isObject(answer) ? textOf(answer['value']) : undefined;
  } catch {
    return undefined; // The parser's message would quote what may be a token.
  }
}

/** Source: Google's "Verify the identity of VM instances". */
function google(host: string, audience: string): OidcSource {
  const asked = new URL(`http://${host}/computeMetadata/v1/instance/service-accounts/default/identity`);
  asked.searchParams.set('audience', audience);
  return { secrets: [], read: () => textAt(asked, { 'metadata-flavor': 'Google' }) };
}

async function textAt(url: URL, headers: Record<string, string>): Promise<string> {
  const response = await fetch(url, { headers, redirect: 'error', signal: AbortSignal.timeout(LIMIT_MS) });
  const text = ((await boundedText(response, MOST_BYTES)) ?? '').trim();
  if (!response.ok || text === '') throw new Error(`the identity token was refused with status ${response.status}`);
  return text;
}
