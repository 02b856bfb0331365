// Writes docs/configuration.md and docs/spillway.schema.json from src/config/schema.ts and src/process/stages: `npm run docs:config`.
import { writeFileSync } from 'node:fs';
import { editorSchema, referencePage } from '../src/cli/config-pages.ts';

writeFileSync(new URL('../docs/configuration.md', import.meta.url), referencePage());
writeFileSync(new URL('../docs/spillway.schema.json', import.meta.url), editorSchema());
