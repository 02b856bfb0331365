/** `GET /api/topics`, `/api/topics/{topic}/records` and `/api/groups`: looking into the queue. */
import { type Static, Type } from 'typebox';
import { QUEUE_LIMITS, QUEUE_READ_LIMITS, TOPIC_LIMITS } from '../../lib/limits.ts';
import { AskedTime, Closed, DURATION, IsoTime, Name } from './common.ts';

const Count = (description: string) => Type.Integer({ minimum: 0, description });

export const NoParametersSchema = Closed({}, 'Takes no parameters.');

const OfUsers = 'Only of topics that users create.';

export const TopicSchema = Type.Object(
  {
    topic: Type.String({ examples: ['raw', 'events', 'dead-letter', 'orders'] }),
    tenant: Type.Optional(Type.String({ description: `Whose it is. ${OfUsers}` })),
    created: Type.Optional(IsoTime(`When it was created. ${OfUsers}`)),
    retention: Type.Optional(
      Type.String({ description: `Older records may be removed. ${OfUsers}`, examples: ['7d'] }),
    ),
    maxBytes: Type.Optional(Count(`Beyond this size the oldest records may be removed. ${OfUsers}`)),
    required: Type.Optional(
      Type.Array(Type.String(), {
        description: `Groups that must have read a record before it may be removed. ${OfUsers}`,
      }),
    ),
    partitions: Type.Array(
      Type.Object({
        partition: Count('Number of the partition.'),
        earliestOffset: Count('The first offset that is retained.'),
        endOffset: Count('The offset after the last durable record.'),
        bytes: Count('Bytes on disk.'),
        segments: Count('Segment files.'),
        oldest: Type.Optional(IsoTime('Time of the oldest retained record.')),
      }),
    ),
  },
  { title: 'Topic' },
);

export const TopicsAnswerSchema = Type.Object({ topics: Type.Array(TopicSchema) }, { title: 'TopicsAnswer' });

export const RecordsPathSchema = Closed({ topic: Name('Name of the topic.') }, 'The topic.');

export const AskedWait = Type.String({
  ...DURATION,
  default: '0s',
  description: `How long to wait for the first record where there is none, at most ${TOPIC_LIMITS.waitMs / 1_000}s.`,
  examples: ['20s'],
});

export const RecordsQuestionSchema = Closed(
  {
    partition: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 1_023, default: 0, description: 'Number of the partition.' }),
    ),
    offset: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: Number.MAX_SAFE_INTEGER,
        description: 'Where to begin. Without it and without `time`: at the earliest retained record.',
      }),
    ),
    time: Type.Optional(AskedTime('Instead of `offset`: begin at the first record at or after this time.', 'now-15m')),
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: QUEUE_READ_LIMITS.records,
        default: QUEUE_READ_LIMITS.defaultRecords,
        description: 'Records in the answer. There may be fewer although more follow: go on at `next`.',
      }),
    ),
    wait: Type.Optional(AskedWait),
  },
  'Records of one partition.',
);

const Encoding = (of: string) =>
  Type.Unsafe<'text' | 'base64'>({
    type: 'string',
    enum: ['text', 'base64'],
    description: `\`text\` where ${of} is valid UTF-8, else \`base64\`.`,
  });

export const RecordSchema = Type.Object(
  {
    offset: Count('Number of the record within its partition.'),
    timestamp: IsoTime('Time of the record: when it was received.'),
    key: Type.Optional(Type.String()),
    keyEncoding: Type.Optional(Encoding('the key')),
    headers: Type.Record(Type.String(), Type.String(), { description: 'Headers by name.' }),
    headerEncodings: Type.Optional(
      Type.Record(Type.String(), Encoding('the header'), {
        description: 'Of the headers that are not text; absent where all are.',
      }),
    ),
    encoding: Encoding('the value'),
    value: Type.Union([Type.String(), Type.Null()], {
      description: 'null where the record has none: a tombstone, which is not an empty value.',
    }),
  },
  { title: 'Record' },
);

export const RecordsAnswerSchema = Type.Object(
  {
    topic: Type.String(),
    partition: Type.Integer({ minimum: 0 }),
    records: Type.Array(RecordSchema, { description: "Records of the token's tenant; of all tenants for an admin." }),
    next: Count('The offset to go on at.'),
    endOffset: Count('The durable end of the partition when it was read: nothing follows once `next` is there.'),
    unreadable: Type.Optional(
      Type.Array(
        Type.Object({ from: Count('The first offset that was passed over.'), to: Count('Where reading went on.') }),
        { description: 'What is damaged, or in a form that is not known here, and was passed over.' },
      ),
    ),
  },
  { title: 'RecordsAnswer' },
);

export const GroupSchema = Type.Object(
  {
    group: Type.String({ examples: ['processor', 'billing'] }),
    tenant: Type.Optional(Type.String({ description: 'Whose it is; absent for those of the roles.' })),
    members: Count('How many members are alive.'),
    partitions: Type.Array(
      Type.Object({
        topic: Type.String(),
        partition: Count('Number of the partition.'),
        generation: Count('Grows with every assignment to a member; 0 before the first.'),
        member: Type.Optional(Type.String({ description: 'Who has it; absent where nobody has.' })),
        committed: Count('The next offset that the group will read after a restart.'),
        endOffset: Count('The durable end of the partition.'),
        lag: Count('Records between the two.'),
        lagMs: Type.Number({ minimum: 0, description: 'Age of the first uncommitted record; 0 without one.' }),
      }),
    ),
  },
  { title: 'Group' },
);

export const GroupsAnswerSchema = Type.Object({ groups: Type.Array(GroupSchema) }, { title: 'GroupsAnswer' });

export const AddPartitionsQuestionSchema = Closed(
  {
    partitions: Type.Integer({
      minimum: 1,
      maximum: QUEUE_LIMITS.partitions,
      description: 'How many `raw` and `events` are to have in all. The same again changes nothing; fewer are refused.',
    }),
  },
  'A number of partitions.',
);

export const AddPartitionsAnswerSchema = Type.Object(
  { partitions: Type.Integer({ minimum: 1, description: 'How many `raw` and `events` have now; durable.' }) },
  { title: 'AddPartitionsAnswer' },
);

export type AddPartitionsAnswer = Static<typeof AddPartitionsAnswerSchema>;
export type TopicAnswer = Static<typeof TopicSchema>;
export type GroupAnswer = Static<typeof GroupSchema>;
export type TopicsAnswer = Static<typeof TopicsAnswerSchema>;
export type QueueRecord = Static<typeof RecordSchema>;
export type RecordsAnswer = Static<typeof RecordsAnswerSchema>;
export type GroupsAnswer = Static<typeof GroupsAnswerSchema>;
