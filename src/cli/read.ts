/** `spillway read`: records of the queue as they are kept, before or after processing. */
import { setTimeout as delay } from 'node:timers/promises';
import type { QueueRecord, RecordsAnswer, TopicAnswer, TopicsAnswer } from '../api/schemas/index.ts';
import { SpillwayError } from '../lib/errors.ts';
import { QUEUE_READ_LIMITS } from '../lib/limits.ts';
import { suggest } from '../lib/suggest.ts';
import { CLIENT_OPTIONS, Client, type Parameters } from './client.ts';
import { type Command, countOption, EXIT, type Invocation, isSet, textOption } from './command.ts';
import { visibleLines } from './table.ts';
import { askedTime, shownTime } from './times.ts';

const FOLLOW_MS = 250;
const DEFAULT_LIMIT = 100;
const LIMIT_MOST = 1_000_000_000;

export const command: Command = {
  usage: 'read TOPIC [--from OFFSET|TIME] [--partition N] [--limit N] [--follow]',
  summary: 'Look into the queue: print the records of a topic.',
  details: [
    'Topics: raw (what was received, byte for byte), events (after processing), dead-letter (what could not be',
    'processed), and those that were created.',
    '--from is an offset (1042), a time (2026-11-23T10:00:00Z) or how long ago (10m). Default: the oldest record.',
  ],
  options: {
    from: { type: 'string', value: 'FROM', description: 'Where to begin: an offset, a time or how long ago.' },
    partition: {
      type: 'string',
      short: 'p',
      value: 'N',
      description: 'Only this partition. Default: all, one after the other.',
    },
    limit: {
      type: 'string',
      short: 'n',
      value: 'N',
      description: `At most so many records. Default: ${DEFAULT_LIMIT}, or no limit with --follow`,
    },
    follow: { type: 'boolean', short: 'F', description: 'Wait for more at the end.' },
    ...CLIENT_OPTIONS,
  },
  args: [1, 1],
  examples: [
    ['spillway read raw --from 10m', 'what came in during the last ten minutes'],
    ['spillway read dead-letter --follow', 'watch what cannot be processed'],
    ['spillway read events --partition 2 --from 1042 --limit 1', 'one record'],
  ],
  run,
};

interface Position {
  readonly partition: number;
  next: Parameters;
  atEnd: boolean;
}

async function run(invocation: Invocation): Promise<number> {
  const client = Client.of(invocation);
  const topic = invocation.args[0] ?? '';
  const follow = isSet(invocation, 'follow');
  const limit = countOption(invocation, 'limit', 1, LIMIT_MOST) ?? (follow ? LIMIT_MOST : DEFAULT_LIMIT);
  const positions = await begin(client, topic, invocation);
  const signal = invocation.interrupted();
  let left = limit;
  while (left > 0 && !signal.aborted) {
    for (const position of positions) {
      while (left > 0 && !position.atEnd && !signal.aborted)
        left -= await readOn(client, topic, position, left, invocation);
    }
    if (!follow) break;
    await delay(FOLLOW_MS, undefined, { signal }).catch(() => {});
    for (const position of positions) position.atEnd = false;
  }
  if (left === 0 && !follow && invocation.output.isTerminal)
    invocation.output.note(`There may be more: this was --limit ${limit}.`);
  return EXIT.done;
}

async function begin(client: Client, topic: string, invocation: Invocation): Promise<Position[]> {
  const found = await describe(client, topic);
  const only = countOption(invocation, 'partition', 0, found.partitions.length - 1);
  const from = textOption(invocation, 'from');
  const isOffset = from !== undefined && /^\d{1,12}$/.test(from);
  const next: Parameters = from === undefined ? {} : isOffset ? { offset: from } : { time: askedTime(from) };
  return found.partitions
    .filter(({ partition }) => only === undefined || partition === only)
    .map(({ partition }) => ({ partition, next, atEnd: false }));
}

async function describe(client: Client, topic: string): Promise<TopicAnswer> {
  try {
    return await client.json<TopicAnswer>(`/api/topics/${encodeURIComponent(topic)}`);
  } catch (thrown) {
    if (!(thrown instanceof SpillwayError) || !['NOT_FOUND', 'BAD_REQUEST'].includes(thrown.code)) throw thrown;
    const { topics } = await client.json<TopicsAnswer>('/api/topics');
    throw noTopic(
      topic,
      topics.map((known) => known.topic),
    );
  }
}

function noTopic(topic: string, known: readonly string[]): SpillwayError {
  const near = suggest(topic, known);
  const hint = near === undefined ? `The topics are ${known.join(', ')}.` : `Did you mean ${near}?`;
  return new SpillwayError('NOT_FOUND', `There is no topic "${topic}". ${hint}`);
}

/** Prints the next records of one partition; gives how many. */
async function readOn(
  client: Client,
  topic: string,
  position: Position,
  left: number,
  { output }: Invocation,
): Promise<number> {
  const { partition } = position;
  const limit = Math.min(left, QUEUE_READ_LIMITS.records);
  const parameters = { partition, ...position.next, limit };
  const answer = await client.json<RecordsAnswer>(`/api/topics/${encodeURIComponent(topic)}/records`, { parameters });
  position.next = { offset: answer.next };
  position.atEnd = answer.next >= answer.endOffset;
  const show = (record: QueueRecord): string =>
    output.isTerminal
      ? `${output.style('dim', `${topic}/${partition} ${record.offset}  ${shownTime(record.timestamp)}`)}  ${record.value === null ? output.style('dim', 'null') : visibleLines(record.value)}\n`
      : `${JSON.stringify({ topic, partition, ...record })}\n`;
  await output.lines(answer.records.map(show).join(''));
  for (const { from, to } of answer.unreadable ?? []) {
    output.problem(`${topic}/${partition}: the offsets ${from} to ${to - 1} cannot be read; Spillway's log says more.`);
  }
  return answer.records.length;
}
