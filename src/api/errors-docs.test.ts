import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ERROR_DOCS, errorDocs } from '../../tools/write-error-docs.ts';
import { ERROR_KINDS } from '../lib/errors.ts';

it('docs/errors.md is what the registry of errors says', () => {
  expect(readFileSync(ERROR_DOCS, 'utf8'), 'run: node tools/node24.mjs tools/write-error-docs.ts').toBe(errorDocs());
});

it.each(Object.keys(ERROR_KINDS))('%s is documented', (code) => {
  expect(readFileSync(ERROR_DOCS, 'utf8')).toContain(`| \`${code}\` |`);
});
