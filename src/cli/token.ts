/** `spillway token create|list|revoke`: works on the data folder, also while Spillway runs. */
import { createToken, listTokens, revokeToken } from '../api/auth/tokens.ts';
import { SpillwayError } from '../lib/errors.ts';
import { DEFAULT_TENANT, type Scope } from '../lib/principal.ts';
import { suggest } from '../lib/suggest.ts';
import { type Command, EXIT, type Invocation, textOption, UsageError } from './command.ts';
import { CONFIG_OPTIONS, loadInvoked } from './config-options.ts';
import { table, visible } from './table.ts';
import { shownTime } from './times.ts';

const ACTIONS = ['create', 'list', 'revoke'];
const SCOPES = ['ingest', 'read', 'admin'] as const satisfies readonly Scope[];

export const command: Command = {
  usage: 'token create|list|revoke [ID] [--tenant T] [--scope ingest|read|admin]',
  summary: 'Create, list and revoke the tokens of senders and readers.',
  details: [
    'A token belongs to one tenant and says what its holder may do. It is shown once: only a digest is kept.',
    'Once any token exists, requests of this machine without one may still send and read as tenant `default`.',
  ],
  options: {
    tenant: {
      type: 'string',
      short: 't',
      value: 'TENANT',
      description: `create: whose events. Default: ${DEFAULT_TENANT}`,
    },
    scope: {
      type: 'string',
      short: 's',
      list: true,
      value: 'SCOPES',
      description: 'create: ingest, read or admin; several with commas, or the option twice. Default: ingest',
    },
    name: { type: 'string', value: 'NAME', description: 'create: what it is for, for the list.' },
    ...CONFIG_OPTIONS,
  },
  args: [1, 2],
  examples: [
    ['spillway token create --tenant shop --scope ingest --name web-servers', 'for senders of one tenant'],
    ['spillway token list', 'which there are'],
    ['spillway token revoke k3v9x2', 'and one less'],
  ],
  async run(invocation) {
    const [action = '', id] = invocation.args;
    if (action === 'revoke' && id !== undefined) return revoke(invocation, id);
    if (action === 'revoke') throw new UsageError('which token? Give its id.', 'spillway token list shows them.');
    if (id !== undefined) throw new UsageError(`"${id}" is one argument too many.`, `Usage: spillway token ${action}`);
    if (action === 'create') return create(invocation);
    if (action === 'list') return list(invocation);
    const near = suggest(action, ACTIONS);
    throw new UsageError(
      `"${action}" is not something to do with tokens.`,
      near === undefined ? `Say one of: ${ACTIONS.join(', ')}` : `Did you mean: spillway token ${near}`,
    );
  },
};

function create(invocation: Invocation): number {
  const { output } = invocation;
  const name = textOption(invocation, 'name');
  const created = createToken(loadInvoked(invocation).config.data, {
    tenant: textOption(invocation, 'tenant') ?? DEFAULT_TENANT,
    scopes: scopesOf(textOption(invocation, 'scope') ?? 'ingest'),
    ...(name === undefined ? {} : { name }),
  });
  if (!output.isTerminal) {
    output.line(JSON.stringify(created));
    return EXIT.done;
  }
  output.line(created.token);
  output.note(
    `Id ${created.id}, tenant ${created.tenant}, may ${created.scopes.join(' and ')}. It is not shown again.`,
  );
  output.note(`Use it: curl -H 'Authorization: Bearer ${created.token}' …  or  SPILLWAY_TOKEN=… spillway send`);
  return EXIT.done;
}

function scopesOf(text: string): Scope[] {
  return text.split(',').map((word) => {
    const scope = SCOPES.find((known) => known === word.trim());
    if (scope !== undefined) return scope;
    const near = suggest(word, SCOPES);
    throw new UsageError(
      `"${word}" is not a scope.`,
      near === undefined ? `Scopes: ${SCOPES.join(', ')}` : `Did you mean ${near}?`,
    );
  });
}

function list(invocation: Invocation): number {
  const { output } = invocation;
  const tokens = listTokens(loadInvoked(invocation).config.data);
  if (!output.isTerminal) {
    for (const token of tokens) output.line(JSON.stringify(token));
    return EXIT.done;
  }
  if (tokens.length === 0)
    output.line('There is no token yet. Create one: spillway token create --tenant default --scope ingest');
  const rows = tokens.map((token) => [
    token.id,
    token.tenant,
    token.scopes.join(','),
    shownTime(new Date(token.createdMs).toISOString()),
    visible(token.name),
  ]);
  const columns = ['ID', 'TENANT', 'SCOPES', 'CREATED', 'NAME'].map((title) => ({ title }));
  if (tokens.length > 0) for (const line of table(columns, rows)) output.line(line);
  return EXIT.done;
}

function revoke(invocation: Invocation, id: string): number {
  if (revokeToken(loadInvoked(invocation).config.data, id)) {
    invocation.output.note(`Revoked ${id}. A running Spillway refuses it within a second.`);
    return EXIT.done;
  }
  throw new SpillwayError('NOT_FOUND', `There is no token with the id "${id}". \`spillway token list\` shows them.`);
}
