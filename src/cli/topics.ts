/** `spillway topics`: the queue's topics and partitions, and how far their readers are. */
import type { HealthAnswer } from '../api/schemas/account.ts';
import type { GroupsAnswer, TopicsAnswer } from '../api/schemas/index.ts';
import { formatSize } from '../lib/units.ts';
import { CLIENT_OPTIONS, Client } from './client.ts';
import { type Command, EXIT, type Invocation } from './command.ts';
import { count, table } from './table.ts';
import { shownAge, shownTime } from './times.ts';

export const command: Command = {
  usage: 'topics',
  summary: 'Show the topics of the queue and the lag of their readers.',
  options: CLIENT_OPTIONS,
  args: [0, 0],
  examples: [['spillway topics', 'what is kept, and who has read how far']],
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const client = Client.of(invocation);
  const { topics } = await client.json<TopicsAnswer>('/api/topics');
  const { groups } = await client.json<GroupsAnswer>('/api/groups');
  const { output } = invocation;
  if (output.isTerminal) {
    for (const line of [...topicLines(topics), '', ...groupLines(groups)]) output.line(line);
    // A disk above its high-water mark, or a partition that has stopped, is what the figures alone do not show.
    const { reasons = [] } = await client.json<HealthAnswer>('/health/ready');
    for (const reason of reasons) output.note(reason);
    return EXIT.done;
  }
  for (const { topic, partitions } of topics) {
    for (const partition of partitions)
      output.line(JSON.stringify({ topic, ...partition, groups: readersOf(groups, topic, partition.partition) }));
  }
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
