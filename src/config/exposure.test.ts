import { describe, expect, test } from 'vitest';
import { assertExposureAllowed, isLoopback } from './exposure.ts';
import { loadConfig } from './load.ts';

test.each(['127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1', 'localhost', 'LOCALHOST'])(
  '%s is this machine alone',
  (host) => {
    expect(isLoopback(host)).toBe(true);
  },
);

test.each(['0.0.0.0', '::', '10.0.0.1', '128.0.0.1', '::2', 'logs.example.com', '127.0.0.1.example.com'])(
  '%s is not',
  (host) => {
    expect(isLoopback(host)).toBe(false);
  },
);

describe('an address of the network', () => {
  const open = (overrides: Record<string, unknown>) => loadConfig({ env: {}, overrides });

  test.each([
    ['http.host', { http: { host: '0.0.0.0' } }],
    ['store.host', { store: { host: '10.0.0.1' } }],
    ['inputs.syslog.0.host', { inputs: { syslog: { host: '::' } } }],
  ])('at %s is refused while there is no token, with the line that mends it', (option, overrides) => {
    expect(() => assertExposureAllowed(open(overrides), 0)).toThrow(
      new RegExp(`${option.replaceAll('.', '\\.')}: .* spillway token create --tenant default --scope admin`),
    );
  });

  test('names the data folder in that line, where the token would be looked for', () => {
    const inFolder = (data: string) => () => assertExposureAllowed(open({ data, http: { host: '::' } }), 0);
    expect(inFolder('/var/lib/spillway')).toThrow('--scope admin --data /var/lib/spillway (or');
    expect(inFolder("/srv/it's here")).toThrow("--data '/srv/it'\\''s here' (or");
  });

  test('is allowed once there is a token', () => {
    assertExposureAllowed(open({ http: { host: '0.0.0.0' } }), 1);
  });

  test('and this machine alone always', () => {
    assertExposureAllowed(open({}), 0);
  });
});
