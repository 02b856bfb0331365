/** `spillway config check|print|reference`. */
import { printConfig } from '../config/print.ts';
import { suggest } from '../lib/suggest.ts';
import { type Command, EXIT, type Invocation, isSet, UsageError } from './command.ts';
import { CONFIG_OPTIONS, loadInvoked } from './config-options.ts';
import { editorSchema, referencePage } from './config-pages.ts';
import { assertStartable } from './startable.ts';

const ACTIONS = ['check', 'print', 'reference'];

export const command: Command = {
  usage: 'config check|print|reference [--config FILE]',
  summary: 'Check, print or explain the configuration.',
  details: [
    'check says whether Spillway would start with it. print shows every option with its value and where it was written;',
    'secrets are shown as they stand in the file. reference explains every option.',
  ],
  options: {
    ...CONFIG_OPTIONS,
    'json-schema': { type: 'boolean', description: 'reference: as a JSON Schema, for editors.' },
  },
  args: [1, 1],
  examples: [
    ['spillway config check --config spillway.yaml', 'is it right?'],
    ['SPILLWAY_HTTP_PORT=8080 spillway config print', 'what holds, and why?'],
  ],
  async run(invocation) {
    const action = invocation.args[0] ?? '';
    if (action === 'check') return check(invocation);
    if (action === 'print') await invocation.output.lines(printConfig(loadInvoked(invocation)));
    else if (action === 'reference') await invocation.output.lines(reference(invocation));
    else throw new UsageError(`"${action}" is not something to do with the configuration.`, hintFor(action));
    return EXIT.done;
  },
};

function check(invocation: Invocation): number {
  const loaded = loadInvoked(invocation);
  assertStartable(loaded);
  const { file } = loaded;
  invocation.output.line(
    file === undefined ? 'There is no spillway.yaml here: the defaults hold.' : `${file} is right.`,
  );
  return EXIT.done;
}

function reference(invocation: Invocation): string {
  return isSet(invocation, 'json-schema') ? editorSchema() : referencePage();
}

function hintFor(action: string): string {
  const near = suggest(action, ACTIONS);
  return near === undefined ? `Say one of: ${ACTIONS.join(', ')}` : `Did you mean: spillway config ${near}`;
}
