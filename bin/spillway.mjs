#!/usr/bin/env node
// The `spillway` command. On a Node.js that is new enough it runs here; on an older one it is handed over to the newer
// one that npm brought. A checkout runs the TypeScript sources, an installed package the JavaScript built from them.
import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';
import { isNewEnough, runOnNode24 } from './runtime.mjs';

const source = new URL('../src/cli/main.ts', import.meta.url);
const built = new URL('../dist/cli/main.js', import.meta.url);
const main = existsSync(source) ? source : built;

// Compiled code is kept for the next start, which then takes about half the time. Roles inherit the variable; where the
// folder cannot be written to, Node.js goes on without.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('../node_modules/.cache/node-compile', import.meta.url));

if (isNewEnough()) {
  nodeModule.enableCompileCache(process.env.NODE_COMPILE_CACHE);
  await import(main.href);
} else runOnNode24([fileURLToPath(main), ...process.argv.slice(2)]);
