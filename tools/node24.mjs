#!/usr/bin/env node
// Runs a script on the Node 24 that npm brought, so that a machine with Node 20 is enough.
// Usage: node tools/node24.mjs SCRIPT [ARG ...]
import { runOnNode24 } from '../bin/runtime.mjs';

runOnNode24(process.argv.slice(2));
