/** `spillway ledger`: the account of everything accepted. */
import type { LedgerReport } from '../api/schemas/index.ts';
import { CLIENT_OPTIONS, Client } from './client.ts';
import { type Command, EXIT, type Invocation, isSet, textOption } from './command.ts';
import { count, table } from './table.ts';
import { askedTime, shownTime } from './times.ts';

export const command: Command = {
  usage: 'ledger [--from TIME] [--to TIME] [--by tenant,hour] [--check]',
  summary: 'Account for every event: accepted = written + dropped + dead-lettered.',
  details: ['What is in flight between acceptance and the store is listed too: at rest it is 0.'],
  options: {
    from: { type: 'string', value: 'TIME', description: 'Received since then. Default: 1h' },
    to: { type: 'string', value: 'TIME', description: 'Received before then. Default: now' },
    by: {
      type: 'string',
      value: 'WHAT',
      description: 'A line for each of: minute, hour, tenant, partition. Default: tenant',
    },
    check: { type: 'boolean', description: 'Fail (exit 1) unless nothing is in flight.' },
    ...CLIENT_OPTIONS,
  },
  args: [0, 0],
  examples: [
    ['spillway ledger', 'the last hour by tenant'],
    ['spillway ledger --from 1d --by hour,tenant', 'a day, hour by hour'],
  ],
  run,
};

type Counts = LedgerReport['total'];

async function run(invocation: Invocation): Promise<number> {
  const client = Client.of(invocation);
  const { output } = invocation;
  const parameters = {
    from: askedTime(textOption(invocation, 'from') ?? '1h'),
    to: askedTime(textOption(invocation, 'to')),
    by: textOption(invocation, 'by') ?? 'tenant',
  };
  const lines: LedgerReport['lines'] = [];
  let answer = await client.json<LedgerReport>('/api/ledger', { parameters });
  lines.push(...answer.lines);
  while (answer.next !== undefined) {
    answer = await client.json<LedgerReport>('/api/ledger', { parameters: { ...parameters, after: answer.next } });
    lines.push(...answer.lines);
  }
  if (output.isTerminal) for (const line of shown(parameters.by, lines, answer.total)) output.line(line);
  else for (const line of [...lines, { total: true, ...answer.total }]) output.line(JSON.stringify(line));
  if (!isSet(invocation, 'check') || answer.total.inFlight === 0) return EXIT.done;
  output.problem(
    `${count(answer.total.inFlight)} events are in flight. At rest it must be 0: wait, then look at \`spillway topics\` for a reader that lags.`,
  );
  return EXIT.failed;
}

function shown(by: string, lines: LedgerReport['lines'], total: Counts): string[] {
  const names = by.split(',');
  const key = (line: LedgerReport['lines'][number], name: string): string => {
    if (name === 'tenant') return line.tenant ?? '';
    if (name === 'partition') return String(line.partition ?? '');
    return line.time === undefined ? '' : shownTime(line.time).slice(0, 'yyyy-mm-dd hh:mm'.length);
  };
  const cells = (counts: Counts): string[] =>
    [counts.accepted, counts.written, counts.dropped, counts.deadLettered, counts.inFlight].map(count);
  const rows = lines.map((line) => [...names.map((name) => key(line, name)), ...cells(line)]);
  rows.push([...names.map((_, index) => (index === 0 ? 'total' : '')), ...cells(total)]);
  const numbers = ['ACCEPTED', 'WRITTEN', 'DROPPED', 'DEAD-LETTERED', 'IN FLIGHT'];
  const columns = [
    ...names.map((name) => ({ title: name.toUpperCase() })),
    ...numbers.map((title) => ({ title, align: 'right' }) as const),
  ];
  return table(columns, rows);
}
