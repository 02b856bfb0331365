/**
 * Every route of ours. The store serves the questions; the front door streams them to the store, and serves the rest itself.
 * Both documents are made of this.
 */
export { accounts } from './accounts.ts';
export type { Route } from './define.ts';
export { inputs } from './inputs.ts';
export { probes } from './probes.ts';
export { questions } from './questions.ts';
