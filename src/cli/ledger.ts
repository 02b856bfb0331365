/** `spillway ledger`: the account of everything accepted. */
import type { LedgerReport } from '../api/schemas/index.ts';
import { count } from '../lib/plural.ts';
import { CLIENT_OPTIONS, Client } from './client.ts';
import { type Command, EXIT, type Invocation, isSet, textOption } from './command.ts';
import { table } from './table.ts';
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
      list: true,
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
  else for (const line of [...lines, totalLine(answer)]) output.line(JSON.stringify(line));
  const doubts = doubtsOf(answer);
  for (const doubt of doubts) output.problem(doubt);
  if (!isSet(invocation, 'check') || (answer.total.inFlight === 0 && doubts.length === 0)) return EXIT.done;
  if (answer.total.inFlight === 0) return EXIT.failed;
  output.problem(
    `${count(answer.total.inFlight)} events are in flight. At rest it must be 0: wait, then look at \`spillway topics\` for a reader that lags.`,
  );
  return EXIT.failed;
}

function totalLine({ total, asOf, complete, missing }: LedgerReport) {
  return { total: true, ...total, ...{ asOf, complete, missing } };
}

/** What the account of all process trees does not know, where it is one; in sentences. */
export function doubtsOf({ asOf, complete, missing = [] }: LedgerReport): string[] {
  if (complete !== false) return [];
  const said = missing.map(({ log, why, offsets = 0, before }) => {
    if (why === 'not yet') return `${log}: ${count(offsets)} are not counted yet.`;
    if (why === 'unread') return `${log}: the queue does not say how much there is.`;
    return `${log}: ${count(offsets)} were removed before they were counted, received before ${before}.`;
  });
  if (said.length > 0) return said;
  if (asOf === undefined) return ['The account of all process trees has not been read yet.'];
  return [`This is the account as of ${asOf}: it cannot be read now, or more is missing than this token may see.`];
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
