/** Signature Version 4 as AWS documents it, computed anew: what a fake AWS checks a request by. */
import { createHash, createHmac } from 'node:crypto';

export interface ReceivedRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly text: string;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8}\/[^/]+\/[^/]+\/aws4_request), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;

export interface Signer {
  readonly accessKeyId: string;
  /** `20150830/us-east-1/bedrock/aws4_request` */
  readonly scope: string;
  readonly signedHeaders: readonly string[];
}

/** @returns who signed it; throws when the signature is not right */
export function verifiedSigner(request: ReceivedRequest, secretOf: (accessKeyId: string) => string): Signer {
  const given = AUTHORIZATION.exec(request.headers['authorization'] ?? '');
  if (!given) throw new Error('The request is not signed.');
  const [, accessKeyId = '', scope = '', names = '', signature] = given;
  const signedHeaders = names.split(';');
  const [path = '', query = ''] = request.path.split('?');
  const canonical = [
    request.method,
    path.split('/').map(encodeURIComponent).join('/'),
    query,
    ...signedHeaders.map((name) => `${name}:${(request.headers[name] ?? '').trim()}`),
    '',
    names,
    sha256(request.text),
  ].join('\n');
  const date = request.headers['x-amz-date'] ?? '';
  const toSign = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n');
  const key = scope
    .split('/')
    .reduce<string | Buffer>((made, part) => hmac(made, part), `AWS4${secretOf(accessKeyId)}`);
  if (hmac(key, toSign).toString('hex') !== signature) throw new Error('The signature is wrong.');
  return { accessKeyId, scope, signedHeaders };
}
