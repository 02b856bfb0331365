/** `spillway topics`: the queue's topics and partitions, and how far their readers are; and adding partitions. */
import type { HealthAnswer } from '../api/schemas/account.ts';
import type { AddPartitionsAnswer, GroupsAnswer, TopicsAnswer } from '../api/schemas/index.ts';
import { TOPICS } from '../event/topics.ts';
import { QUEUE_LIMITS } from '../lib/limits.ts';
import { formatSize } from '../lib/units.ts';
import { CLIENT_OPTIONS, Client } from './client.ts';
import { type Command, EXIT, type Invocation, UsageError } from './command.ts';
import { askForLanes, laneLines } from './lanes.ts';
import { count, table } from './table.ts';
import { shownAge, shownTime } from './times.ts';

export const command: Command = {
  usage: 'topics [add-partitions COUNT]',
  summary: 'Show the topics of the queue and the lag of their readers.',
  details: [
    'It also shows which tenants are held back because they send more than there is time for.',
    '`add-partitions` adds so many partitions to raw and events, for ever, while they are used: the order of each',
    'source is kept.',
  ],
  options: CLIENT_OPTIONS,
  args: [0, 2],
  examples: [
    ['spillway topics', 'what is kept, and who has read how far'],
    ['spillway topics add-partitions 4', 'four more partitions of raw and of events'],
  ],
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const client = Client.of(invocation);
  if (invocation.args.length > 0) return addPartitions(client, invocation);
  const { topics } = await client.json<TopicsAnswer>('/api/topics');
  const { groups } = await client.json<GroupsAnswer>('/api/groups');
  const lanes = await askForLanes(client);
  const { output } = invocation;
  if (output.isTerminal) {
    for (const line of [...topicLines(topics), '', ...groupLines(groups)]) output.line(line);
    if (lanes.length > 0) for (const line of ['', ...laneLines(lanes)]) output.line(line);
    // A disk above its high-water mark, or a partition that has stopped, is what the figures alone do not show.
    const { reasons = [] } = await client.json<HealthAnswer>('/health/ready');
    for (const reason of reasons) output.note(reason);
    return EXIT.done;
  }
  for (const { topic, partitions } of topics) {
    for (const partition of partitions) {
      const held = topic === TOPICS.raw ? lanes.filter((lane) => lane.partition === partition.partition) : [];
      const heldBack = held.map(({ tenant, records, behindMs }) => ({ tenant, records, behindMs }));
      const readers = readersOf(groups, topic, partition.partition);
      output.line(JSON.stringify({ topic, ...partition, groups: readers, ...(held.length === 0 ? {} : { heldBack }) }));
    }
  }
  return EXIT.done;
}

async function addPartitions(client: Client, { args, output }: Invocation): Promise<number> {
  const [action, text = ''] = args;
  if (action !== 'add-partitions') {
    throw new UsageError(
      `"${action}" is not something to do with topics.`,
      'Did you mean: spillway topics add-partitions',
    );
  }
  const added = Number(text);
  if (!/^\d+$/.test(text) || added < 1 || added > QUEUE_LIMITS.partitionsPerTopic) {
    throw new UsageError(
      `How many? "${text}" is not a number of partitions.`,
      'Like: spillway topics add-partitions 4',
    );
  }
  const { topics } = await client.json<TopicsAnswer>('/api/topics');
  const before = topics.find(({ topic }) => topic === TOPICS.raw)?.partitions.length ?? 0;
  // The whole number is asked for, so that doing it twice by mistake on the way does no harm.
  const { partitions } = await client.json<AddPartitionsAnswer>('/api/topics/partitions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: new TextEncoder().encode(JSON.stringify({ partitions: before + added })),
  });
  output.line(
    output.isTerminal ? `raw and events have ${partitions} partitions now.` : JSON.stringify({ before, partitions }),
  );
  return EXIT.done;
}

function readersOf(groups: GroupsAnswer['groups'], topic: string, partition: number): Record<string, number> {
  const readers = groups.flatMap(({ group, partitions }) =>
    partitions.filter((at) => at.topic === topic && at.partition === partition).map((at) => [group, at.committed]),
  );
  return Object.fromEntries(readers);
}

function topicLines(topics: TopicsAnswer['topics']): string[] {
  const rows = topics.flatMap(({ topic, partitions }) =>
    partitions.map((at) => [
      topic,
      String(at.partition),
      count(at.endOffset - at.earliestOffset),
      count(at.earliestOffset),
      count(at.endOffset),
      formatSize(at.bytes),
      count(at.segments),
      at.oldest === undefined ? '' : shownTime(at.oldest),
    ]),
  );
  const right = (title: string) => ({ title, align: 'right' }) as const;
  const columns = [
    { title: 'TOPIC' },
    right('PARTITION'),
    right('RECORDS'),
    right('FIRST'),
    right('END'),
    right('SIZE'),
    right('SEGMENTS'),
    { title: 'OLDEST' },
  ];
  return table(columns, rows);
}

function groupLines(groups: GroupsAnswer['groups']): string[] {
  const rows = groups.flatMap(({ group, partitions }) =>
    partitions.map((at) => [
      group,
      at.topic,
      String(at.partition),
      count(at.committed),
      count(at.lag),
      at.lag === 0 ? '' : shownAge(at.lagMs),
    ]),
  );
  const right = (title: string) => ({ title, align: 'right' }) as const;
  return table(
    [{ title: 'GROUP' }, { title: 'TOPIC' }, right('PARTITION'), right('COMMITTED'), right('LAG'), { title: 'BEHIND' }],
    rows,
  );
}
