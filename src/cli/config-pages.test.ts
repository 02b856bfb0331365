import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { variables } from '../config/environment.ts';
import { ConfigSchema } from '../config/schema.ts';
import { STAGES } from '../process/stages/stages.ts';
import { editorSchema, referencePage } from './config-pages.ts';

const page = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');

test('the reference page is the one that the schema gives (npm run docs:config)', () => {
  expect(page('configuration.md')).toBe(referencePage());
});

test("the editors' schema is the one that the schema gives (npm run docs:config)", () => {
  expect(page('spillway.schema.json')).toBe(editorSchema());
});

test('every option stands on the reference page, with its variable, and every stage', () => {
  const reference = referencePage();
  for (const kind of Object.keys(STAGES)) expect(reference).toContain(`\`stage: ${kind}\``);
  for (const variable of variables(ConfigSchema).keys()) expect(reference).toContain(`\`${variable}\``);
});

test('editors accept what Spillway accepts, and refuse unknown options as it does', () => {
  const validate = new Ajv2020({ strict: false }).compile(JSON.parse(editorSchema()));
  expect(validate({})).toBe(true);
  expect(validate({ http: { port: 8080 }, inputs: { syslog: [{ port: 514 }] }, queue: { retention: '7d' } })).toBe(
    true,
  );
  expect(validate({ inputs: { syslog: true }, topology: [{ stage: 'filter', when: 'a', drop: true }] })).toBe(true);
  expect(validate({ http: { prot: 8080 } })).toBe(false);
  expect(validate({ queue: { retention: '7 days' } })).toBe(false);
  expect(validate({ topology: [{ when: 'a' }] })).toBe(false);
  expect(validate({ topology: [{ stage: 'filter', whem: 'a', drop: true }] })).toBe(false);
});
