import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { checkMasterKey, isLoopback } from './master-key.ts';

const STRONG = 'sk-4f9a1c77e0b24d5f9b1e';

describe('the master key', () => {
  test('a strong key is accepted on every address, without a word', () => {
    for (const host of ['127.0.0.1', '0.0.0.0', '::', '192.168.1.5', 'gateway.example']) {
      expect(checkMasterKey({ masterKey: STRONG, host, permitWeak: false })).toEqual({ ok: true });
    }
  });

  test('no key at all is accepted, because a random one is made then', () => {
    expect(checkMasterKey({ masterKey: undefined, host: '0.0.0.0', permitWeak: false })).toEqual({ ok: true });
  });

  const weak = ['', '   ', 'sk-1234', 'SK-1234', 'sk-abc', 'password', 'changeme'];

  test.each(weak)('the weak key "%s" is accepted on loopback with a warning', (masterKey) => {
    for (const host of ['127.0.0.1', '127.9.9.9', '::1', '[::1]', 'localhost', 'LOCALHOST']) {
      const answer = checkMasterKey({ masterKey, host, permitWeak: false });
      expect(answer).toMatchObject({ ok: true, warning: expect.stringContaining('master key') });
    }
  });

  test.each(weak)('the weak key "%s" is refused on any other address', (masterKey) => {
    for (const host of ['0.0.0.0', '::', '10.0.0.1', '128.0.0.1', 'localhost.example', '127.0.0.1.example', '']) {
      const answer = checkMasterKey({ masterKey, host, permitWeak: false });
      expect(answer).toMatchObject({ ok: false, message: expect.stringContaining('LITELLM_MASTER_KEY') });
    }
  });

  test('a weak key is let through anywhere with a warning when the configuration permits it', () => {
    const answer = checkMasterKey({ masterKey: 'sk-1234', host: '0.0.0.0', permitWeak: true });
    expect(answer).toMatchObject({ ok: true, warning: expect.stringContaining('other machines') });
  });

  test('the refusal says which three ways out there are', () => {
    const answer = checkMasterKey({ masterKey: 'sk-1234', host: '0.0.0.0', permitWeak: false });
    const message = answer.ok ? '' : answer.message;
    expect(message).toContain('openssl rand');
    expect(message).toContain('127.0.0.1');
    expect(message).toContain('dangerously_permit_weak_or_unset_master_key');
  });

  test('no answer ever repeats a key', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Z0-9]{5,7}$/), fc.boolean(), (masterKey, permitWeak) => {
        for (const host of ['127.0.0.1', '0.0.0.0']) {
          expect(JSON.stringify(checkMasterKey({ masterKey, host, permitWeak }))).not.toContain(masterKey);
        }
      }),
    );
  });

  test('loopback is 127.0.0.0/8, ::1 and localhost', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(isLoopback(address)).toBe(address.startsWith('127.'));
      }),
    );
    expect(isLoopback('::1')).toBe(true);
    expect(isLoopback('::2')).toBe(false);
    expect(isLoopback('0:0:0:0:0:0:0:1')).toBe(true);
  });
});
