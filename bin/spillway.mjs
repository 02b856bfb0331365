#!/usr/bin/env node
// The `spillway` command. On a Node.js that is new enough it runs here; on an older one it is handed over to the newer
// one that npm brought. A checkout runs the TypeScript sources, an installed package the JavaScript built from them.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isNewEnough, runOnNode24 } from './runtime.mjs';

const source = new URL('../src/cli/main.ts', import.meta.url);
const built = new URL('../dist/cli/main.js', import.meta.url);
const main = existsSync(source) ? source : built;

if (isNewEnough()) await import(main.href);
else runOnNode24([fileURLToPath(main), ...process.argv.slice(2)]);
