/** `spillway search`: prints matching events page by page, so that memory does not grow with the answer. */
import type { SearchAnswer } from '../api/schemas/index.ts';
import { SpillwayError } from '../lib/errors.ts';
import { QUERY_LIMITS } from '../lib/limits.ts';
import { plural } from '../lib/plural.ts';
import { CLIENT_OPTIONS, Client } from './client.ts';
import { type Command, countOption, EXIT, type Invocation, isSet, textOption } from './command.ts';
import { CSV_HEADER, chosenFormat, FORMAT_OPTION, type Format, showEvent } from './show-events.ts';
import { askedTime, shownTime } from './times.ts';

const DEFAULT_LIMIT = 100;
const LIMIT_MOST = 10_000_000;
const DEFAULT_FROM = '15m';

export const command: Command = {
  usage: 'search QUERY [--from TIME] [--to TIME] [--limit N] [--format table|ndjson|csv]',
  summary: 'Find events.',
  details: [
    "The query is written as in the console (docs/query-language.md); '' or '*' finds everything.",
    'Times: 10m (ten minutes ago), 2h, 7d, now, or 2026-11-23T10:00:00Z. They are about when an event happened.',
  ],
  options: {
    from: { type: 'string', value: 'TIME', description: `Events since then. Default: ${DEFAULT_FROM}` },
    to: { type: 'string', value: 'TIME', description: 'Events before then. Default: now' },
    limit: { type: 'string', short: 'n', value: 'N', description: `At most so many. Default: ${DEFAULT_LIMIT}` },
    'oldest-first': { type: 'boolean', description: 'Instead of the newest first.' },
    ...FORMAT_OPTION,
    ...CLIENT_OPTIONS,
  },
  args: [1, 1],
  examples: [
    ['spillway search level:error', 'the newest errors of the last 15 minutes'],
    [`spillway search 'app:checkout AND status:>=500 "timed out"' --from 2h`, 'terms, a range and a phrase'],
    ["spillway search '*' --from 1d --limit 1000000 --format csv > today.csv", 'a day as a table for other programs'],
  ],
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const { output } = invocation;
  const client = Client.of(invocation);
  const limit = countOption(invocation, 'limit', 1, LIMIT_MOST) ?? DEFAULT_LIMIT;
  const format = chosenFormat(invocation);
  const signal = invocation.interrupted();
  const query = invocation.args[0] ?? '';
  // One `now` for all pages: the cursor belongs to one question.
  const to = askedTime(textOption(invocation, 'to')) ?? String(Date.now());
  const parameters = {
    q: query,
    from: askedTime(textOption(invocation, 'from') ?? DEFAULT_FROM),
    to,
    order: isSet(invocation, 'oldest-first') ? 'asc' : 'desc',
  };
  let shown = 0;
  let after: string | undefined;
  if (format === 'csv') await output.lines(CSV_HEADER);
  do {
    const page = Math.min(limit - shown, QUERY_LIMITS.page);
    const answer = await ask(client, { ...parameters, limit: page, after }, query, signal);
    await print(answer, format, invocation);
    shown += answer.events.length;
    after = answer.next;
    if (limit > QUERY_LIMITS.page) output.progress(`${plural(shown, 'event')} …`);
    if (after === undefined || shown >= limit) conclude(invocation, format, shown, answer);
  } while (after !== undefined && shown < limit);
  return EXIT.done;
}

async function ask(
  client: Client,
  parameters: Record<string, string | number | undefined>,
  query: string,
  signal: AbortSignal,
): Promise<SearchAnswer> {
  try {
    return await client.json<SearchAnswer>('/api/search', { parameters, signal });
  } catch (error) {
    throw error instanceof SpillwayError ? withPosition(error, query) : error;
  }
}

/** Points at the place in the query that an error is about. */
export function withPosition(error: SpillwayError, query: string): SpillwayError {
  const { position } = error.details;
  if (typeof position !== 'number' || query.includes('\n')) return error;
  return new SpillwayError(error.code, `${error.message}\n  ${query}\n  ${' '.repeat(position)}^`, { cause: error });
}

async function print(answer: SearchAnswer, format: Format, { output }: Invocation): Promise<void> {
  await output.lines(answer.events.map((event) => showEvent(event, format, output)).join(''));
}

function conclude({ output }: Invocation, format: Format, shown: number, answer: SearchAnswer): void {
  if (!output.isTerminal || format !== 'table') return;
  const more = answer.next === undefined ? '' : '; there are more, see --limit';
  const complete = `complete to ${shownTime(answer.completeTo)}`;
  output.note(output.style('dim', `${plural(shown, 'event')}${more} (${complete}, ${Math.round(answer.tookMs)} ms)`));
  for (const hint of answer.hints ?? []) output.note(output.style('dim', `Hint: ${hint}`));
  if (shown === 0) output.note(output.style('dim', 'A longer time may have some: --from 1d'));
}
