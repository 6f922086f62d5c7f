/**
 * Whether a master key is good enough for the address it guards. LiteLLM refuses to start with its documentation's
 * `sk-1234`; Tollgate lets it pass on loopback, where examples are tried out.
 */
import { BlockList, isIP } from 'node:net';

export interface MasterKeyQuestion {
  /** `undefined` when none was configured: a random one is made then, which is strong. */
  readonly masterKey: string | undefined;
  /** The address that is listened on. */
  readonly host: string;
  /** `dangerously_permit_weak_or_unset_master_key`. */
  readonly permitWeak: boolean;
}

export type MasterKeyAnswer =
  | { readonly ok: true; readonly warning?: string }
  | { readonly ok: false; readonly message: string };

const MIN_LENGTH = 8;
const WELL_KNOWN = new Set([
  'sk-1234',
  'sk-12345',
  'sk-123456',
  'sk-1234567',
  'sk-12345678',
  'sk-123456789',
  'sk-1234567890',
  'sk-master-key',
  'sk-masterkey',
  'sk-litellm',
  'sk-tollgate',
  'sk-changeme',
  'sk-change-me',
  'sk-password',
  'sk-test',
  'sk-xxxxx',
  'changeme',
  'change-me',
  'password',
  'password123',
  'master-key',
  'masterkey',
  'litellm-master-key',
  '12345678',
  '123456789',
]);

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** The message and the warning never hold the key. */
export function checkMasterKey({ masterKey, host, permitWeak }: MasterKeyQuestion): MasterKeyAnswer {
  const weakness = weaknessOf(masterKey);
  if (weakness === undefined) return { ok: true };
  const advice = `Set LITELLM_MASTER_KEY to a long random text, for instance "sk-" and the output of: openssl rand -hex 24.`;
  if (isLoopback(host)) {
    return {
      ok: true,
      warning: `The master key ${weakness}. That is accepted because only this machine can connect. ${advice}`,
    };
  }
  if (permitWeak) return { ok: true, warning: `The master key ${weakness}, and other machines can connect. ${advice}` };
  return {
    ok: false,
    message:
      `The master key ${weakness}, and with host ${host} other machines could use it. ${advice} ` +
      `Or listen on 127.0.0.1, or set general_settings.dangerously_permit_weak_or_unset_master_key: true.`,
  };
}

function weaknessOf(masterKey: string | undefined): string | undefined {
  if (masterKey === undefined) return undefined;
  const key = masterKey.trim();
  if (key === '') return 'is empty';
  if (WELL_KNOWN.has(key.toLowerCase())) return 'is a publicly known example';
  if (key.length < MIN_LENGTH) return `is shorter than ${MIN_LENGTH} characters`;
  return undefined;
}

export function isLoopback(host: string): boolean {
  const address = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (address === 'localhost') return true;
  const version = isIP(address);
  if (version === 0) return false;
  return LOOPBACK.check(address, version === 6 ? 'ipv6' : 'ipv4');
}
