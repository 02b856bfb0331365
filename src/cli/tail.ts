/** `spillway tail`: events as they arrive, until Ctrl-C; comes back by itself after a restart of the server. */
import { setTimeout as delay } from 'node:timers/promises';
import type { AnsweredEvent, TailDropped } from '../api/schemas/index.ts';
import { SpillwayError } from '../lib/errors.ts';
import { plural } from '../lib/plural.ts';
import { CLIENT_OPTIONS, Client } from './client.ts';
import { type Command, EXIT, type Invocation } from './command.ts';
import { serverSentEvents } from './event-stream.ts';
import { withPosition } from './search.ts';
import { CSV_HEADER, chosenFormat, FORMAT_OPTION, type Format, showEvent } from './show-events.ts';

const RECONNECT_MS = 1_000;

export const command: Command = {
  usage: 'tail [QUERY]',
  summary: 'Follow events as they arrive.',
  details: ['Says when there were more than could be shown. Ctrl-C ends it.'],
  options: { ...FORMAT_OPTION, ...CLIENT_OPTIONS },
  args: [0, 1],
  examples: [
    ['spillway tail', 'everything'],
    ["spillway tail 'app:checkout AND level:(error OR fatal)'", 'the troubles of one service'],
  ],
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const client = Client.of(invocation);
  const format = chosenFormat(invocation);
  const signal = invocation.interrupted();
  const query = invocation.args[0] ?? '';
  let response = await open(client, query, signal);
  if (format === 'csv') await invocation.output.lines(CSV_HEADER);
  while (!signal.aborted) {
    if (response !== undefined) await follow(response, format, invocation, signal);
    if (signal.aborted) break;
    invocation.output.note('The connection was lost; events until it is back are not shown. Connecting again …');
    response = await reopen(client, query, signal);
  }
  return EXIT.done;
}

async function open(client: Client, query: string, signal: AbortSignal): Promise<Response | undefined> {
  try {
    return await client.request('/api/tail', { parameters: { q: query }, signal });
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error instanceof SpillwayError ? withPosition(error, query) : error;
  }
}

async function reopen(client: Client, query: string, signal: AbortSignal): Promise<Response | undefined> {
  while (!signal.aborted) {
    try {
      return await open(client, query, signal);
    } catch (error) {
      if (!(error instanceof SpillwayError) || !error.kind.retry) throw error;
      await delay(RECONNECT_MS, undefined, { signal }).catch(() => {});
    }
  }
  return undefined;
}

async function follow(response: Response, format: Format, { output }: Invocation, signal: AbortSignal): Promise<void> {
  if (response.body === null) return;
  try {
    for await (const { event, data } of serverSentEvents(response.body)) {
      if (event === 'event') await output.lines(showEvent(JSON.parse(data) as AnsweredEvent, format, output));
      else if (event === 'dropped') noteDropped(JSON.parse(data) as TailDropped, output.note.bind(output));
    }
  } catch (error) {
    // A stream that breaks is like one that ends: it is opened again.
    if (!signal.aborted && !(error instanceof TypeError)) throw error;
  }
}

function noteDropped(dropped: TailDropped, note: (text: string) => void): void {
  if (dropped.count > 0)
    note(`${plural(dropped.count, 'matching event')} not shown: too many to follow. Narrow the query.`);
  if (dropped.unread > 0) note(`${plural(dropped.unread, 'event')} skipped: too many to look at.`);
}
