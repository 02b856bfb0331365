/** `spillway topics`: the queue's topics and partitions, and how far their readers are; and changing them. */
import type { HealthAnswer } from '../api/schemas/account.ts';
import type { AddPartitionsAnswer, GroupsAnswer, TopicAnswer, TopicsAnswer } from '../api/schemas/index.ts';
import { TOPICS } from '../event/topics.ts';
import { QUEUE_LIMITS, TOPIC_LIMITS } from '../lib/limits.ts';
import { count, plural } from '../lib/plural.ts';
import { formatSize } from '../lib/units.ts';
import { CLIENT_OPTIONS, Client } from './client.ts';
import { type Command, countOption, EXIT, type Invocation, textOption, UsageError } from './command.ts';
import { askForLanes, laneLines } from './lanes.ts';
import { table } from './table.ts';
import { shownAge, shownTime } from './times.ts';

export const command: Command = {
  usage: 'topics [create TOPIC | delete TOPIC | add-partitions COUNT [TOPIC]]',
  summary: 'Show the topics of the queue and the lag of their readers.',
  details: [
    'It also shows (to an admin) which tenants are held back because they send more than there is time for.',
    '`create` makes a topic for records of any kind; the same again changes nothing. `delete` removes it with all of its',
    'records. `add-partitions` adds so many partitions to raw and events, for ever, while they are used: the order of',
    'each source is kept. With a TOPIC it adds them to that one of yours, where keys may then go to other partitions.',
  ],
  options: {
    partitions: { type: 'string', value: 'N', description: 'create: as many readers of a group at once. Default: 1' },
    retention: { type: 'string', value: 'DURATION', description: 'create: older records go. Default: queue.retention' },
    'max-size': {
      type: 'string',
      value: 'SIZE',
      description: 'create: beyond it the oldest go. Default: queue.maxSize',
    },
    required: {
      type: 'string',
      list: true,
      value: 'GROUPS',
      description: 'create: groups, with commas, that must have read a record before it goes.',
    },
    ...CLIENT_OPTIONS,
  },
  args: [0, 3],
  examples: [
    ['spillway topics', 'what is kept, and who has read how far'],
    ['spillway topics create orders --partitions 4 --retention 3d', 'a topic of your own'],
    ['spillway topics delete orders', 'without it, and its records'],
    ['spillway topics add-partitions 4', 'four more partitions of raw and of events'],
    ['spillway topics add-partitions 2 orders', 'two more of a topic of your own'],
  ],
  run,
};

const CREATE_OPTIONS = ['partitions', 'retention', 'max-size', 'required'] as const;

async function run(invocation: Invocation): Promise<number> {
  const client = Client.of(invocation);
  const [action] = invocation.args;
  const stray = CREATE_OPTIONS.find((name) => action !== 'create' && textOption(invocation, name) !== undefined);
  if (stray !== undefined) throw new UsageError(`--${stray} goes only with: spillway topics create TOPIC`);
  const most = action === 'add-partitions' ? 3 : 2;
  const surplus = invocation.args[most];
  if (surplus !== undefined) throw new UsageError(`"${surplus}" is one argument too many.`);
  if (action === 'create') return createTopic(client, invocation);
  if (action === 'delete') return deleteTopic(client, invocation);
  if (action !== undefined) return addPartitions(client, invocation);
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
  for (const { topic, tenant, partitions } of topics) {
    const whose = tenant === undefined ? {} : { tenant };
    for (const partition of partitions) {
      const readers = readersOf(groups, { topic, tenant, partition: partition.partition });
      const held = topic === TOPICS.raw ? lanes.filter((lane) => lane.partition === partition.partition) : [];
      const heldBack = held.map((lane) => ({ tenant: lane.tenant, records: lane.records, behindMs: lane.behindMs }));
      output.line(
        JSON.stringify({ topic, ...whose, ...partition, groups: readers, ...(held.length === 0 ? {} : { heldBack }) }),
      );
    }
  }
  return EXIT.done;
}

async function createTopic(client: Client, invocation: Invocation): Promise<number> {
  const topic = topicOf(invocation);
  const partitions = countOption(invocation, 'partitions', 1, TOPIC_LIMITS.partitionsPerTopic);
  const body = {
    partitions,
    retention: textOption(invocation, 'retention'),
    maxSize: textOption(invocation, 'max-size'),
    required: textOption(invocation, 'required')?.split(','),
  };
  const created = await client.json<TopicAnswer>(`/api/topics/${encodeURIComponent(topic)}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: new TextEncoder().encode(JSON.stringify(body)),
  });
  const { output } = invocation;
  output.line(
    output.isTerminal
      ? `${topic} has ${plural(created.partitions.length, 'partition')} and keeps records for ${created.retention}.`
      : JSON.stringify(created),
  );
  return EXIT.done;
}

async function deleteTopic(client: Client, invocation: Invocation): Promise<number> {
  const topic = topicOf(invocation);
  const { output } = invocation;
  const answer = await client.json<object>(`/api/topics/${encodeURIComponent(topic)}`, { method: 'DELETE' });
  output.line(output.isTerminal ? `${topic} is deleted.` : JSON.stringify(answer));
  return EXIT.done;
}

function topicOf({ args: [action, topic] }: Invocation): string {
  if (topic !== undefined) return topic;
  throw new UsageError('Which topic?', `Like: spillway topics ${action} orders`);
}

async function addPartitions(client: Client, invocation: Invocation): Promise<number> {
  const { args, output } = invocation;
  const [action, text = '', topic] = args;
  if (action !== 'add-partitions') {
    throw new UsageError(
      `"${action}" is not something to do with topics.`,
      'Did you mean: spillway topics create, delete or add-partitions',
    );
  }
  const added = Number(text);
  if (!/^\d+$/.test(text) || added < 1 || added > QUEUE_LIMITS.partitions) {
    throw new UsageError(
      `How many? "${text}" is not a number of partitions.`,
      'Like: spillway topics add-partitions 4',
    );
  }
  if (topic !== undefined) return addToTopic(client, topic, added, invocation);
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

async function addToTopic(client: Client, topic: string, added: number, { output }: Invocation): Promise<number> {
  const path = `/api/topics/${encodeURIComponent(topic)}`;
  const before = (await client.json<TopicAnswer>(path)).partitions.length;
  const changed = await client.json<TopicAnswer>(path, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: new TextEncoder().encode(JSON.stringify({ partitions: before + added })),
  });
  const partitions = changed.partitions.length;
  output.line(
    output.isTerminal
      ? `${topic} has ${plural(partitions, 'partition')} now; new records of a key may be in another one than its earlier ones.`
      : JSON.stringify({ topic, before, partitions }),
  );
  return EXIT.done;
}

interface Place {
  readonly topic: string;
  readonly tenant: string | undefined;
  readonly partition: number;
}

function readersOf(groups: GroupsAnswer['groups'], { topic, tenant, partition }: Place): Record<string, number> {
  const readers = groups.flatMap((group) =>
    group.tenant === tenant
      ? group.partitions
          .filter((at) => at.topic === topic && at.partition === partition)
          .map((at) => [group.group, at.committed])
      : [],
  );
  return Object.fromEntries(readers);
}

/** Those of users by tenant and name: an admin sees those of all. */
const called = (name: string, tenant: string | undefined): string =>
  tenant === undefined ? name : `${tenant}/${name}`;

function topicLines(topics: TopicsAnswer['topics']): string[] {
  const rows = topics.flatMap(({ topic, tenant, partitions }) =>
    partitions.map((at) => [
      called(topic, tenant),
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
  const rows = groups.flatMap(({ group, tenant, partitions }) =>
    partitions.map((at) => [
      called(group, tenant),
      called(at.topic, tenant),
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
