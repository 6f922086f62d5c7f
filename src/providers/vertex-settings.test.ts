import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { authorizedUser, federated, PRIVATE_KEY, serviceAccount } from '../../test/support/google-tokens.ts';
import { federationIn, parseSettings, settingsOf } from './vertex-settings.ts';

const GOOGLE = { url: 'https://oauth2.googleapis.com/token' };
const STS = { url: 'https://sts.googleapis.com/v1/token' };

describe('the project', () => {
  const key = serviceAccount(GOOGLE);
  test.each([
    [{ vertex_project: 'own', environment_project: 'env', vertex_credentials: key }, 'own'],
    [{ vertex_ai_project: 'own' }, 'own'],
    [{ environment_project: 'env', vertex_credentials: key, cloud_project: 'machine' }, 'env'],
    [{ vertex_credentials: key, cloud_project: 'machine' }, 'project-of-the-key'],
    [{ vertex_credentials: authorizedUser(GOOGLE) }, 'project-of-the-person'],
    [{ cloud_project: 'machine' }, 'machine'],
    [{ application_credentials: '/adc.json', cloud_project: 'machine' }, 'machine'],
    // A file's project is known when it has been read.
    [{ vertex_credentials: '/key.json', cloud_project: 'machine' }, undefined],
    [{ application_credentials: '/adc.json' }, undefined],
    [{ vertex_project: 123456789 }, '123456789'],
    [{}, undefined],
  ])('of %j is %p', (raw, project) => {
    expect(parseSettings(raw).project).toBe(project);
  });

  test('of the deployment is told apart from others', () => {
    expect(parseSettings({ environment_project: 'env' }).ownProject).toBeUndefined();
    expect(parseSettings({ vertex_project: ' own ' }).ownProject).toBe('own');
  });
});

describe('the location', () => {
  test.each([
    [{ vertex_location: 'europe-west1', environment_location: 'us-east5' }, 'europe-west1'],
    [{ vertex_ai_location: 'global' }, 'global'],
    [{ region_name: 'us' }, 'us'],
    [{ environment_location: 'us-east5' }, 'us-east5'],
    [{}, undefined],
  ])('of %j is %p', (raw, location) => {
    expect(parseSettings(raw).location).toBe(location);
  });

  test.each(['evil.example/', 'us central1', '-', 'US', 'a@b', `u${'s'.repeat(60)}`, '../x'])(
    'may not be %p, which would lead elsewhere',
    (location) => {
      expect(() => parseSettings({ vertex_location: location })).toThrow('vertex_location must be a location');
    },
  );
});

describe('credentials', () => {
  test('of the deployment go before those of the environment, and both before the machine’s', () => {
    const raw = {
      vertex_credentials: '/own.json',
      environment_credentials: '/env.json',
      application_credentials: '/adc.json',
    };
    expect(parseSettings(raw).source).toEqual({ kind: 'file', path: '/own.json' });
    const { vertex_credentials: _, ...others } = raw;
    expect(parseSettings(others).source).toEqual({ kind: 'file', path: '/env.json' });
    expect(parseSettings({ application_credentials: '/adc.json' }).source).toEqual({ kind: 'file', path: '/adc.json' });
    expect(parseSettings({ vertex_ai_credentials: '/own.json' }).source).toEqual({ kind: 'file', path: '/own.json' });
    expect(parseSettings({}).source).toBeUndefined();
  });

  test.each([
    ['{"type": "service_account"', 'vertex_credentials is no JSON'],
    [{ type: 'service_account', client_email: 'a' }, 'lack private_key'],
    [{ type: 'authorized_user', client_id: 'a', client_secret: 'b' }, 'lack refresh_token'],
    [{ type: 'something' }, 'of a type that is not one of service_account'],
    [{ type: 'toString' }, 'of a type that is not one of'],
    [{ type: 'impersonated_service_account', source_credentials: 'x' }, 'lack service_account_impersonation_url'],
    [true, 'vertex_credentials must be text'],
    [['a'], 'vertex_credentials must be text'],
  ])('%j stop the start', (credentials, message) => {
    expect(() => parseSettings({ vertex_credentials: credentials })).toThrow(message);
  });

  test('that stop the start are not quoted', () => {
    for (const text of [`{"private_key": "${PRIVATE_KEY}`, `{${PRIVATE_KEY}}`]) {
      try {
        parseSettings({ vertex_credentials: text });
        throw new Error('it started');
      } catch (error) {
        expect(String(error)).toContain('is no JSON');
        expect(String(error)).not.toContain(PRIVATE_KEY.split('\n')[1] ?? 'none');
      }
    }
  });

  test('are exchanged where a key says, if that is safe', () => {
    for (const url of ['https://oauth2.example/token', 'http://127.0.0.1:9/token', 'http://localhost/token']) {
      expect(() => parseSettings({ vertex_credentials: serviceAccount({ url }) })).not.toThrow();
    }
    for (const url of ['http://oauth2.example/token', 'file:///etc/passwd', 'nowhere']) {
      const parse = () => parseSettings({ vertex_credentials: serviceAccount({ url }) });
      expect(parse).toThrow('vertex_credentials.token_uri must be an https address');
    }
  });

  test('of a platform are exchanged at Google’s only: what is sent there was found on this machine', () => {
    const parse = (url: string, more: object = {}) =>
      parseSettings({ vertex_credentials: federated({ url }, '/var/run/secrets/token', more) });
    expect(() => parse(STS.url)).not.toThrow();
    expect(() => parse('https://sts.us-east1.rep.googleapis.com/v1/token')).not.toThrow();
    for (const url of [
      'https://evil.example/token',
      'https://googleapis.com.evil.example/',
      'https://evilgoogleapis.com/',
    ]) {
      expect(() => parse(url)).toThrow('token_url must be an address at googleapis.com');
      expect(() => parse(STS.url, { service_account_impersonation_url: url })).toThrow('impersonation_url must be');
      const nested = { type: 'impersonated_service_account', service_account_impersonation_url: STS.url };
      const credentials = { ...nested, source_credentials: federated({ url }, '/etc/passwd') };
      expect(() => parseSettings({ vertex_credentials: credentials })).toThrow('token_url must be');
    }
  });

  test('of a platform belong to no other universe, whose token service would be another', () => {
    const { token_url: _, ...usual } = federated({ url: '' }, '/etc/passwd');
    const parse = (more: object) => parseSettings({ vertex_credentials: { ...usual, ...more } });
    expect(() => parse({ universe_domain: 'googleapis.com' })).not.toThrow();
    for (const universe_domain of ['evil.example', '', 'googleapis.com.evil.example', 7, null]) {
      expect(() => parse({ universe_domain })).toThrow('universe_domain must be googleapis.com');
    }
  });

  test('of a platform reach Google’s library without what nobody has looked at', () => {
    const usual = federated({ url: STS.url }, '/var/run/secrets/token');
    const evil = 'https://evil.example/';
    const spelled = { tokenUrl: evil, serviceAccountImpersonationUrl: evil, universeDomain: 'evil.example' };
    const connecting = { transporterOptions: { proxy: evil, baseURL: evil }, transporter: {}, endpoint: evil };
    expect(federationIn({ ...usual, ...spelled, ...connecting })).toEqual(usual);
    expect(federationIn(JSON.parse('{"type":"external_account","__proto__":{"token_url":"x"}}'))).toEqual({
      type: 'external_account',
    });
  });

  test('of any shape are either read or refused in words without them', () => {
    const text = fc.oneof(fc.string(), fc.json(), fc.constantFrom('{}', 'base64:e30=', 'ewogIA=='));
    fc.assert(
      fc.property(fc.oneof(text, fc.dictionary(fc.string(), fc.string())), (credentials) => {
        try {
          expect(parseSettings({ vertex_credentials: credentials })).toBeDefined();
        } catch (error) {
          expect(String(error)).toMatch(/^Error: vertex_credentials[. ]/);
        }
      }),
      { numRuns: 200 },
    );
  });
});

test('a target built without settings has none of its own', () => {
  expect(settingsOf({ settings: undefined })).toMatchObject({ project: undefined, location: undefined });
});
