import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadConfig, loadConfigWithSources } from './load.ts';
import { printConfig } from './print.ts';

test('what `config print` prints, read as a file, gives the same configuration', () => {
  const overrides = {
    inputs: { syslog: [{ port: 1 }, { port: 2, tenant: 'shop' }] },
    tenants: { shop: { retention: '90d' } },
    topology: [{ stage: 'filter', when: 'a: "b@c" #c', nested: { list: [1, { x: true }] } }],
    http: { names: ['a.example', 'b.example'] },
  };
  const printed = printConfig(loadConfigWithSources({ env: {}, overrides }));
  expect(loadConfig({ env: {}, overrides: parse(printed) })).toEqual(loadConfig({ env: {}, overrides }));
  expect(printed).toMatch(/port: 1 +# command line/);
  expect(printed).toMatch(/site: local +# default/);
});

test('so it is with engines beside; options of the others are not printed, since they do not hold', () => {
  const overrides = {
    queue: { engine: 'kafka', brokers: ['k:9092'], tls: { enabled: true } },
    search: { engine: 'opensearch', nodes: ['http://o:9200'] },
  };
  const printed = printConfig(loadConfigWithSources({ env: {}, overrides }));
  expect(loadConfig({ env: {}, overrides: parse(printed) })).toEqual(loadConfig({ env: {}, overrides }));
  expect(printed).toMatch(/replication: 3 +# default/);
  expect(printConfig(loadConfigWithSources({ env: {} }))).not.toMatch(/replication|sasl|nodes|index/);
});

test('`config print` shows a secret as its reference', () => {
  const written = `\${env:SITE}`;
  const printed = printConfig(loadConfigWithSources({ env: { SITE: 'hidden' }, overrides: { site: written } }));
  expect(printed).toContain(written);
  expect(printed).not.toContain('hidden');
});

test('`config print` does not show a password that was written itself, in a file or in the environment', () => {
  const queue = { engine: 'kafka', brokers: ['k:9092'], sasl: { username: 'me', password: 'in-the-file' } };
  expect(printConfig(loadConfigWithSources({ env: {}, overrides: { queue } }))).toMatch(
    /password: \(hidden\) +# command/,
  );
  const env = { SPILLWAY_QUEUE_SASL_PASSWORD: 'in-the-environment' };
  const { password: _, ...sasl } = queue.sasl;
  const printed = printConfig(loadConfigWithSources({ env, overrides: { queue: { ...queue, sasl } } }));
  expect(printed).toMatch(/password: \(hidden\) +# .*SPILLWAY_QUEUE_SASL_PASSWORD/);
});
