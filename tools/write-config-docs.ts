// Writes docs/configuration.md and docs/spillway.schema.json from src/config/schema.ts: `npm run docs:config`.
import { writeFileSync } from 'node:fs';
import { configJsonSchema } from '../src/config/json-schema.ts';
import { configReference } from '../src/config/reference.ts';

writeFileSync(new URL('../docs/configuration.md', import.meta.url), configReference());
writeFileSync(new URL('../docs/spillway.schema.json', import.meta.url), configJsonSchema());
