/** Topics that users create: `/api/topics/{topic}`, producing to them, and the groups that consume them. */
import { type Static, Type } from 'typebox';
import { GROUP_LIMITS, QUEUE_READ_LIMITS, TOPIC_LIMITS } from '../../lib/limits.ts';
import { AskedTime, Closed, DURATION, Name, SIZE } from './common.ts';
import { AskedWait, RecordSchema } from './queue.ts';

const Count = (description: string) => Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description });

const Changeable = {
  retention: Type.Optional(
    Type.String({
      ...DURATION,
      description: 'Records older than this may be removed. Without it as `queue.retention` of the configuration says.',
      examples: ['7d', '36h'],
    }),
  ),
  maxSize: Type.Optional(
    Type.String({
      ...SIZE,
      description:
        'Beyond this size of the topic its oldest records may be removed. Without it as `queue.maxSize` says.',
      examples: ['10GiB'],
    }),
  ),
  required: Type.Optional(
    Type.Array(Name('Name of a group.'), {
      maxItems: TOPIC_LIMITS.requiredGroups,
      uniqueItems: true,
      description:
        'Groups without which nothing is removed: a record stays until all of them have committed past it, however old it is. Groups that are not named here hold nothing back.',
      examples: [['billing']],
    }),
  ),
};

export const CreateTopicSchema = Closed(
  {
    partitions: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: TOPIC_LIMITS.partitionsPerTopic,
        default: 1,
        description: 'As many members of a group can read it at once. More can be added later, none removed.',
      }),
    ),
    ...Changeable,
  },
  'A topic.',
);

export const ChangeTopicSchema = Closed(
  {
    partitions: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: TOPIC_LIMITS.partitionsPerTopic,
        description:
          'How many there are to be in all: added while it is used, and never removed. From then on a key may have another partition than its earlier records.',
      }),
    ),
    ...Changeable,
  },
  'What is to be different.',
);

export const TopicDeletedSchema = Type.Object(
  { topic: Type.String(), deleted: Type.Literal(true) },
  { title: 'TopicDeleted' },
);

export const GroupDeletedSchema = Type.Object(
  { group: Type.String(), deleted: Type.Literal(true) },
  { title: 'GroupDeleted' },
);

export const GroupPathSchema = Closed({ group: Name('Name of the group.') }, 'The group.');

const Member = Type.String({ minLength: 1, maxLength: 64, description: 'The id that joining answered with.' });

export const MemberPathSchema = Closed({ group: Name('Name of the group.'), member: Member }, 'A member of a group.');

export const ProduceQuestionSchema = Closed(
  {
    key: Type.Optional(
      Type.String({ description: 'Key of the records that have none: the same key is always in the same partition.' }),
    ),
    keyEncoding: Type.Optional(
      Type.Unsafe<'text' | 'base64'>({
        type: 'string',
        enum: ['text', 'base64'],
        default: 'text',
        description: 'What `key` is; base64 also with the alphabet for addresses, and without padding.',
      }),
    ),
    partition: Type.Optional(Type.Integer({ minimum: 0, description: 'Partition of the records that name none.' })),
  },
  'What fills in what records lack.',
);

export const ProduceBodySchema = Type.Unknown({
  description:
    'As `application/json` a record, an array of records or `{"records": […]}`; as `application/x-ndjson` a record a line. A record is `{"value", "key"?, "encoding"?, "keyEncoding"?, "headers"?, "headerEncodings"?, "partition"?}`: `value` is any JSON and stored as the text that was sent; with `"encoding": "text"` or `"base64"` it is a string and stored as what that stands for. `key` is a string, or by `keyEncoding` bytes as `base64` or any `json`. `null` is no value (a tombstone), and no key. `headers` are strings by name, and bytes where `headerEncodings` has `base64` for the name. As `text/plain` each line is a value; as `application/octet-stream` the whole body is one. May be gzip, deflate or zstd.',
});

const Place = {
  topic: Type.String(),
  partition: Count('Number of the partition.'),
};

export const ProducedSchema = Type.Object(
  {
    topic: Type.String(),
    records: Type.Array(Type.Object({ partition: Count('Where it is.'), offset: Count('Its number there.') }), {
      description: 'One for each record, in the order of the request. All are durable.',
    }),
  },
  { title: 'Produced' },
);

export const JoinSchema = Closed(
  {
    topics: Type.Array(Name('Name of a topic.'), {
      minItems: 1,
      maxItems: GROUP_LIMITS.topicsPerMember,
      uniqueItems: true,
      description: 'All partitions of these are shared among the members that name them.',
    }),
    session: Type.Optional(
      Type.String({
        ...DURATION,
        default: `${TOPIC_LIMITS.sessionMs / 1_000}s`,
        description: `A member that asks nothing for so long has left; ${TOPIC_LIMITS.sessionLeastMs / 1_000}s to ${TOPIC_LIMITS.sessionMostMs / 60_000}m.`,
        examples: ['30s'],
      }),
    ),
    start: Type.Optional(
      Type.Unsafe<'earliest' | 'latest'>({
        type: 'string',
        enum: ['earliest', 'latest'],
        default: 'earliest',
        description: 'Where the group begins in a partition of which it has committed nothing yet.',
      }),
    ),
  },
  'A new member.',
);

export const MemberSchema = Type.Object(
  {
    group: Type.String(),
    member: Member,
    sessionMs: Count('How long it may be silent.'),
    assigned: Type.Array(
      Type.Object({
        ...Place,
        generation: Count('Of this assignment: larger than every earlier one of the partition.'),
        committed: Type.Optional(Count('Where the group goes on; absent where nothing was committed.')),
        revoked: Type.Boolean({ description: 'Somebody else is to have it: commit what was read of it.' }),
      }),
      { description: 'The partitions that are its own now.' },
    ),
  },
  { title: 'Member' },
);

export const ConsumeQuestionSchema = Closed(
  {
    after: Type.Optional(
      Type.String({
        maxLength: TOPIC_LIMITS.placeChars,
        description:
          'The `next` of an earlier answer: go on there, although it is not committed yet. Without it reading goes on at what was committed.',
      }),
    ),
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: QUEUE_READ_LIMITS.records,
        default: QUEUE_READ_LIMITS.defaultRecords,
        description: 'Records in the answer, of all partitions together.',
      }),
    ),
    wait: Type.Optional(AskedWait),
  },
  'The next records.',
);

export const ConsumedSchema = Type.Object(
  {
    records: Type.Array(Type.Intersect([Type.Object(Place), RecordSchema]), {
      description: 'In the order of their offsets in each partition.',
    }),
    next: Type.Optional(
      Type.String({
        description: 'Where reading has come to: commit it when the work is done. Absent without records.',
      }),
    ),
    lost: Type.Optional(
      Type.Array(
        Type.Object({
          ...Place,
          from: Count('The first offset that was not read.'),
          to: Count('Where reading goes on.'),
        }),
        { description: 'What the group cannot read any more: retention had removed it before, or it is damaged.' },
      ),
    ),
    partitions: Type.Array(Type.Object({ ...Place, revoked: Type.Boolean() }), {
      description: 'The partitions that are its own now.',
    }),
  },
  { title: 'Consumed' },
);

const Offsets = Type.Array(
  Type.Object(
    { ...Place, offset: Count('The next offset to read: one more than the last that is done.') },
    { additionalProperties: false },
  ),
  { minItems: 1, maxItems: TOPIC_LIMITS.commitOffsets },
);

export const CommitSchema = Closed(
  {
    next: Type.Optional(
      Type.String({ minLength: 1, maxLength: TOPIC_LIMITS.placeChars, description: 'The `next` of an answer.' }),
    ),
    offsets: Type.Optional(Offsets),
  },
  'Either of the two.',
);

export const OffsetsAnswerSchema = Type.Object(
  { committed: Type.Array(Type.Object({ ...Place, offset: Count('Where the group goes on; durable.') })) },
  { title: 'Committed' },
);

export const ResetOffsetsSchema = Closed(
  {
    topic: Name('Name of the topic.'),
    partition: Type.Optional(Type.Integer({ minimum: 0, description: 'Only this one.' })),
    to: Type.Optional(
      Type.Unsafe<'earliest' | 'latest'>({
        type: 'string',
        enum: ['earliest', 'latest'],
        description: 'The oldest record that is retained, or the end.',
      }),
    ),
    time: Type.Optional(AskedTime('The first record at or after this time.', 'now-1h')),
    offset: Type.Optional(Count('This one, of one partition.')),
  },
  'Where to go on: one of `to`, `time` and `offset`.',
);

export const LeftSchema = Type.Object({ member: Type.String(), left: Type.Literal(true) }, { title: 'Left' });

export type CreateTopic = Static<typeof CreateTopicSchema>;
export type ChangeTopic = Static<typeof ChangeTopicSchema>;
export type Produced = Static<typeof ProducedSchema>;
export type MemberAnswer = Static<typeof MemberSchema>;
export type Consumed = Static<typeof ConsumedSchema>;
export type OffsetsAnswer = Static<typeof OffsetsAnswerSchema>;
export type ResetOffsets = Static<typeof ResetOffsetsSchema>;
