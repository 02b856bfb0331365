import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { variables } from './environment.ts';
import { configJsonSchema } from './json-schema.ts';
import { loadConfig, loadConfigWithSources } from './load.ts';
import { printConfig } from './print.ts';
import { configReference } from './reference.ts';
import { ConfigSchema } from './schema.ts';

const page = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');

test('the reference page is the one that the schema gives (npm run docs:config)', () => {
  expect(page('configuration.md')).toBe(configReference());
});

test("the editors' schema is the one that the schema gives (npm run docs:config)", () => {
  expect(page('spillway.schema.json')).toBe(configJsonSchema());
});

test('every option stands on the reference page, with its variable', () => {
  const reference = configReference();
  for (const variable of variables(ConfigSchema).keys()) expect(reference).toContain(`\`${variable}\``);
});

test('editors accept what Spillway accepts, and refuse unknown options as it does', () => {
  const validate = new Ajv2020({ strict: false }).compile(JSON.parse(configJsonSchema()));
  expect(validate({})).toBe(true);
  expect(validate({ http: { port: 8080 }, inputs: { syslog: [{ port: 514 }] }, queue: { retention: '7d' } })).toBe(
    true,
  );
  expect(validate({ inputs: { syslog: true }, topology: [{ stage: 'filter', when: 'a' }] })).toBe(true);
  expect(validate({ http: { prot: 8080 } })).toBe(false);
  expect(validate({ queue: { retention: '7 days' } })).toBe(false);
  expect(validate({ topology: [{ when: 'a' }] })).toBe(false);
});

test('what `config print` prints, read as a file, gives the same configuration', () => {
  const overrides = {
    inputs: { syslog: [{ port: 1 }, { port: 2, tenant: 'shop' }] },
    tenants: { shop: { retention: '90d' } },
    topology: [{ stage: 'filter', when: 'a: "b" #c', nested: { list: [1, { x: true }] } }],
    http: { names: ['a.example', 'b.example'] },
  };
  const printed = printConfig(loadConfigWithSources({ env: {}, overrides }));
  expect(loadConfig({ env: {}, overrides: parse(printed) })).toEqual(loadConfig({ env: {}, overrides }));
  expect(printed).toMatch(/port: 1 +# command line/);
  expect(printed).toMatch(/site: local +# default/);
});

test('`config print` shows a secret as its reference', () => {
  const written = `\${env:SITE}`;
  const printed = printConfig(loadConfigWithSources({ env: { SITE: 'hidden' }, overrides: { site: written } }));
  expect(printed).toContain(written);
  expect(printed).not.toContain('hidden');
});
