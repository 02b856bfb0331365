/** `spillway slices`: where events are, and which slices a question of a tenant touches. */
import type { SlicesAnswer } from '../api/schemas/index.ts';
import { count } from '../lib/plural.ts';
import { formatSize } from '../lib/units.ts';
import { CLIENT_OPTIONS, Client } from './client.ts';
import { type Command, EXIT, type Invocation, textOption, UsageError } from './command.ts';
import { table } from './table.ts';
import { askedTime } from './times.ts';

export const command: Command = {
  usage: 'slices [--tenant NAME [--from TIME] [--to TIME]]',
  summary: 'Show where events are: slices by tier, and what was decided about them.',
  details: ['With a tenant: only the slices that its questions touch, in that range.'],
  options: {
    tenant: { type: 'string', value: 'NAME', description: 'Whose questions. Default: all slices' },
    from: { type: 'string', value: 'TIME', description: 'Events since then. Default: all' },
    to: { type: 'string', value: 'TIME', description: 'Events before then. Default: all' },
    ...CLIENT_OPTIONS,
  },
  args: [0, 0],
  examples: [
    ['spillway slices', 'all slices, and who has which since when'],
    ['spillway slices --tenant shop --from 1h', 'what a question about the last hour of shop touches'],
  ],
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const tenant = textOption(invocation, 'tenant');
  const from = askedTime(textOption(invocation, 'from'));
  const to = askedTime(textOption(invocation, 'to'));
  if (tenant === undefined && (from ?? to) !== undefined) {
    throw new UsageError('A range needs a tenant.', 'Like: spillway slices --tenant shop --from 1h');
  }
  const client = Client.of(invocation);
  const parameters = { tenant, from, to };
  const slices: SlicesAnswer['slices'] = [];
  let answer = await client.json<SlicesAnswer>('/api/slices', { parameters });
  slices.push(...answer.slices);
  const { decisions } = answer;
  while (answer.next !== undefined) {
    answer = await client.json<SlicesAnswer>('/api/slices', { parameters: { ...parameters, after: answer.next } });
    slices.push(...answer.slices);
  }
  const { output } = invocation;
  const lines = output.isTerminal
    ? [...sliceLines(slices), '', ...decisionLines(decisions)]
    : [...slices, ...decisions.map((decision) => ({ decision }))].map((line) => JSON.stringify(line));
  for (const line of lines) output.line(line);
  return EXIT.done;
}

/** Slices begin and end with whole hours of UTC. */
function hour(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)}Z`;
}

function sliceLines(slices: SlicesAnswer['slices']): string[] {
  const rows = slices.map(({ tier, tenant, from, to, expires, docs, bytes, where }) => [
    tenant ?? '(shared)',
    tier,
    hour(from),
    hour(to),
    docs === undefined ? '' : count(docs),
    bytes === undefined ? '' : formatSize(bytes),
    hour(expires),
    where,
  ]);
  const right = (title: string) => ({ title, align: 'right' }) as const;
  const columns = [
    { title: 'TENANT' },
    { title: 'TIER' },
    { title: 'FROM' },
    { title: 'TO' },
    right('EVENTS'),
    right('SIZE'),
    { title: 'EXPIRES' },
    { title: 'WHERE' },
  ];
  return table(columns, rows);
}

function decisionLines(decisions: SlicesAnswer['decisions']): string[] {
  const rows = decisions.map(({ tenant, tier, from, why }) => [
    tenant ?? '(all others)',
    tier ?? '(as all others)',
    hour(from),
    why,
  ]);
  return table([{ title: 'TENANT' }, { title: 'TIER' }, { title: 'SINCE' }, { title: 'WHY' }], rows);
}
