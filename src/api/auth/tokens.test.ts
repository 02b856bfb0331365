import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AUTH_LIMITS } from '../../lib/limits.ts';
import type { Credentials } from '../../lib/principal.ts';
import { createAuth } from './authenticate.ts';
import { createToken, listTokens, revokeToken } from './tokens.ts';

let folder: string;
let nowMs: number;
const clock = { now: () => nowMs };
const log = pino({ level: 'silent' });
const HERE: Credentials = { remoteAddress: '127.0.0.1' };
const ELSEWHERE: Credentials = { remoteAddress: '203.0.113.9' };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-tokens-'));
  nowMs = 1_700_000_000_000;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const auth = () => createAuth({ dataFolder: folder, clock, log });
const bearer = (token: string): Credentials => ({ ...ELSEWHERE, authorization: `Bearer ${token}` });
const later = () => {
  nowMs += AUTH_LIMITS.recheckMs;
};

describe('tokens', () => {
  it('bind whoever has one to its tenant and scopes', () => {
    const { token, id } = createToken(folder, { tenant: 'shop', scopes: ['read'], name: 'dashboards', clock });
    expect(auth().authenticate(bearer(token))).toEqual({ tenant: 'shop', scopes: new Set(['read']), token: id });
    expect(listTokens(folder)).toEqual([
      { id, name: 'dashboards', tenant: 'shop', scopes: ['read'], createdMs: nowMs },
    ]);
  });

  it('work at once, also where the folder was looked at in the same moment', () => {
    const { authenticate } = auth();
    const first = createToken(folder, { tenant: 'shop', scopes: ['read'], clock });
    expect(authenticate(bearer(first.token)).tenant).toBe('shop');
    // The clock stands still.
    const second = createToken(folder, { tenant: 'bank', scopes: ['read'], clock });
    expect(authenticate(bearer(second.token)).tenant).toBe('bank');
  });

  it('of an admin allow everything else too', () => {
    const { token } = createToken(folder, { tenant: 'shop', scopes: ['admin'] });
    expect([...auth().authenticate(bearer(token)).scopes].sort()).toEqual(['admin', 'ingest', 'read']);
  });

  it.each([
    ['Bearer', (token: string) => `Bearer ${token}`],
    ['bearer in lower case', (token: string) => `bearer ${token}`],
    ['Splunk', (token: string) => `Splunk ${token}`],
    ['Basic, as the password of any user', (token: string) => `Basic ${btoa(`anyone:${token}`)}`],
    ['ApiKey', (token: string) => `ApiKey ${token}`],
    ['ApiKey as Elasticsearch clients encode it', (token: string) => `ApiKey ${btoa(`id:${token}`)}`],
    ['no scheme at all, for protocols without headers', (token: string) => token],
  ])('are taken as %s', (_, write) => {
    const { token } = createToken(folder, { tenant: 'shop', scopes: ['read'] });
    expect(auth().authenticate({ ...ELSEWHERE, authorization: write(token) }).tenant).toBe('shop');
  });

  it('are refused when anything about them is wrong, from this machine too', () => {
    const { token } = createToken(folder, { tenant: 'shop', scopes: ['read'] });
    const { authenticate } = auth();
    const otherEnd = token.endsWith('A') ? 'B' : 'A';
    const wrong = [
      ...['', 'Bearer', 'Bearer ', `Digest ${token}`, `Bearer ${token} x`, `Bearer ${token}x`, `Bearer x${token}`],
      ...[`Bearer ${token.slice(0, -1)}${otherEnd}`, `Bearer spw_000000000000_${'A'.repeat(43)}`, 'Basic !!!!'],
      ...[`Basic ${btoa(token)}`, `Bearer ${'x'.repeat(AUTH_LIMITS.authorizationChars)}`, 'Bearer __proto__'],
    ];
    for (const authorization of wrong) {
      expect(() => authenticate({ ...ELSEWHERE, authorization }), authorization).toThrow(/token is not valid/);
      expect(() => authenticate({ ...HERE, authorization }), authorization).toThrow(/token is not valid/);
    }
  });

  it('are noticed and forgotten by a running server', () => {
    const { authenticate } = auth();
    expect(() => authenticate(bearer('spw_x'))).toThrow();
    const { token, id } = createToken(folder, { tenant: 'shop', scopes: ['read'] });
    later();
    expect(authenticate(bearer(token)).tenant).toBe('shop');
    expect(revokeToken(folder, id)).toBe(true);
    later();
    expect(() => authenticate(bearer(token))).toThrow(/token is not valid/);
    expect(revokeToken(folder, id)).toBe(false);
  });

  it('made and revoked at once by many commands are each there or gone', () => {
    const made = Array.from({ length: 20 }, (_, i) => createToken(folder, { tenant: `t${i}`, scopes: ['ingest'] }));
    for (const { id } of made.slice(0, 10)) revokeToken(folder, id);
    const { authenticate } = auth();
    for (const { token } of made.slice(0, 10)) expect(() => authenticate(bearer(token))).toThrow();
    for (const { token, tenant } of made.slice(10)) expect(authenticate(bearer(token)).tenant).toBe(tenant);
  });

  it('are nowhere on disk as such, in files that only their owner reads', () => {
    const { token } = createToken(folder, { tenant: 'shop', scopes: ['read'] });
    const [file = ''] = readdirSync(join(folder, 'tokens'));
    const path = join(folder, 'tokens', file);
    expect(readFileSync(path, 'utf8')).not.toContain(token.slice(-43));
    expect(statSync(path).mode & 0o077).toBe(0);
  });

  it('let nobody in when one of their files is broken, instead of opening the door', () => {
    const { token, id } = createToken(folder, { tenant: 'shop', scopes: ['read'] });
    const file = join(folder, 'tokens', `${id}.json`);
    chmodSync(file, 0o600);
    writeFileSync(file, '{"id":');
    const { authenticate } = auth();
    expect(() => authenticate(bearer(token))).toThrow(/token is not valid/);
    expect(authenticate(HERE).scopes.has('admin')).toBe(false);
  });

  it.each([
    [{ tenant: 'Shop', scopes: ['read'] }],
    [{ tenant: '../x', scopes: ['read'] }],
    [{ tenant: 'x'.repeat(65), scopes: ['read'] }],
    [{ tenant: 'shop', scopes: [] }],
    [{ tenant: 'shop', scopes: ['read'], name: 'x'.repeat(AUTH_LIMITS.tokenNameChars + 1) }],
  ] as const)('cannot be made of %j', (options) => {
    expect(() => createToken(folder, options)).toThrow();
  });

  it('are not revoked by a path', () => {
    writeFileSync(join(folder, 'victim.json'), '{}');
    expect(revokeToken(folder, '../victim')).toBe(false);
    expect(readdirSync(folder)).toContain('victim.json');
  });
});

describe('without a token', () => {
  it('this machine is the default tenant, and admin only until a token exists', () => {
    const { authenticate } = auth();
    expect(authenticate(HERE)).toEqual({ tenant: 'default', scopes: new Set(['ingest', 'read', 'admin']) });
    const { id } = createToken(folder, { tenant: 'shop', scopes: ['ingest'] });
    later();
    expect(authenticate(HERE)).toEqual({ tenant: 'default', scopes: new Set(['ingest', 'read']) });
    revokeToken(folder, id);
    later();
    expect(authenticate(HERE).scopes.has('admin')).toBe(true);
  });

  it.each(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'])('%s is this machine', (remoteAddress) => {
    expect(auth().authenticate({ remoteAddress }).tenant).toBe('default');
  });

  it.each(['10.0.0.1', '192.168.1.1', '::', '::ffff:10.0.0.1', 'fe80::1', '128.0.0.1', '', undefined])(
    '%s is not this machine and needs one',
    (remoteAddress) => {
      expect(() => auth().authenticate({ remoteAddress })).toThrow(/needs a token/);
    },
  );

  it('a request that a proxy on this machine relays needs one', () => {
    expect(() => auth().authenticate({ ...HERE, relayed: true })).toThrow(/needs a token/);
  });
});
