/** `spillway where ID`: follows one log from the socket to the search store, and says where it is now. */
import type { AnsweredEvent, GroupsAnswer, RecordsAnswer, SearchAnswer } from '../api/schemas/index.ts';
import { type Origin, parseOrigin } from '../event/origin.ts';
import { GROUPS, TOPICS } from '../event/topics.ts';
import { SpillwayError } from '../lib/errors.ts';
import { CLIENT_OPTIONS, Client } from './client.ts';
import { type Command, EXIT, type Invocation, UsageError } from './command.ts';
import { findDeadLetter } from './find-dead-letter.ts';
import { visible } from './table.ts';
import { shownTime } from './times.ts';

/** One station on the way. `yes` it was there, `no` it was not, `unknown` it cannot be told any more. */
interface Station {
  readonly station: 'received' | 'processed' | 'searchable' | 'dead-letter';
  readonly was: 'yes' | 'no' | 'unknown';
  readonly what: string;
}

export const command: Command = {
  usage: 'where ID',
  summary: 'Where is my log? Follow one event from the socket to the search store.',
  details: [
    "The ID is an event's id, such as local.raw.2.1042.0: site, topic, partition, offset, and its number within the record.",
  ],
  options: CLIENT_OPTIONS,
  args: [1, 1],
  examples: [['spillway where local.raw.2.1042.0', 'received, processed, searchable?']],
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const id = invocation.args[0] ?? '';
  const origin = parseOrigin(id);
  if (origin === undefined)
    throw new UsageError(
      `"${id}" is not an event's id.`,
      'Ids look like local.raw.2.1042.0; `spillway search` and the console show them.',
    );
  const stations = await follow(Client.of(invocation), id, origin);
  const { output } = invocation;
  for (const { station, was, what } of stations) {
    const mark = {
      yes: output.style('green', '✔'),
      no: output.style('red', '✘'),
      unknown: output.style('yellow', '?'),
    }[was];
    const line = `${mark} ${station.padEnd(STATION_WIDTH)}  ${visible(what)}`;
    output.line(output.isTerminal ? line : JSON.stringify({ id, station, was, what }));
  }
  const end = stations.at(-1);
  return end?.was === 'yes' && end.station !== 'received' ? EXIT.done : EXIT.failed;
}

const STATION_WIDTH = 'dead-letter'.length;

/** The stations, up to the one where it is or where its trace ends. */
async function follow(client: Client, id: string, origin: Origin): Promise<Station[]> {
  const arrival = await received(client, origin);
  if (arrival.was === 'no') return [arrival];
  const event = await find(client, id);
  // The processor commits its position now and then, after its output: the event itself is the better witness.
  const made: Station = { station: 'processed', was: 'yes', what: 'the processor has made an event of it' };
  if (event !== undefined) return [arrival, made, searchable(event)];
  return [arrival, await processed(client, origin), searchable(event), await deadLetter(client, origin)];
}

async function received(client: Client, { topic, partition, offset }: Origin): Promise<Station> {
  const place = `${topic}/${partition} at offset ${offset}`;
  try {
    const parameters = { partition, offset, limit: 1 };
    const { records, endOffset } = await client.json<RecordsAnswer>(`/api/topics/${topic}/records`, { parameters });
    const record = records.find((found) => found.offset === offset);
    if (record === undefined)
      return { station: 'received', was: 'no', what: `nothing is in ${place}; the partition ends at ${endOffset}` };
    return { station: 'received', was: 'yes', what: `${shownTime(record.timestamp)}, durable in ${place}` };
  } catch (error) {
    if (!(error instanceof SpillwayError) || error.code !== 'QUEUE_OFFSET_OUT_OF_RANGE') throw error;
    return { station: 'received', was: 'unknown', what: `${place} is not retained any more` };
  }
}

async function processed(client: Client, { topic, partition, offset }: Origin): Promise<Station> {
  const { groups } = await client.json<GroupsAnswer>('/api/groups');
  const processor = groups.find(({ group }) => group === GROUPS.processor);
  const position = processor?.partitions.find((at) => at.topic === topic && at.partition === partition);
  if (position === undefined)
    return { station: 'processed', was: 'unknown', what: 'the processor has not begun this partition' };
  if (position.committed > offset)
    return { station: 'processed', was: 'yes', what: `the processor has reached offset ${position.committed}` };
  return {
    station: 'processed',
    was: 'no',
    what: `the processor is at offset ${position.committed}, ${offset - position.committed} records before it`,
  };
}

async function find(client: Client, id: string): Promise<AnsweredEvent | undefined> {
  const parameters = { q: `id:"${id}"`, from: '0001-01-01', to: '9999-12-31', limit: 1 };
  return (await client.json<SearchAnswer>('/api/search', { parameters })).events[0];
}

function searchable(event: AnsweredEvent | undefined): Station {
  if (event === undefined) return { station: 'searchable', was: 'no', what: 'the search store does not have it' };
  return {
    station: 'searchable',
    was: 'yes',
    what: `as ${event.source} at ${shownTime(event.timestamp)}: ${event.message ?? ''}`,
  };
}

async function deadLetter(client: Client, origin: Origin): Promise<Station> {
  const letter = await findDeadLetter(client, origin);
  if (letter === undefined)
    return {
      station: 'dead-letter',
      was: 'no',
      what: 'it is no dead letter: in flight, dropped by a rule, or past its retention (spillway ledger)',
    };
  return {
    station: 'dead-letter',
    was: 'yes',
    what: `${TOPICS.deadLetter}/${letter.partition} at offset ${letter.offset}: ${letter.reason}`,
  };
}
