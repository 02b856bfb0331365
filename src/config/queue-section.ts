/** The section `queue` of the configuration. */
import { Type } from 'typebox';
import { QUEUE_LIMITS } from '../lib/limits.ts';
import { Engine, EngineSection } from './engine-section.ts';
import { Duration, Path, Percent, Section, Size } from './kinds.ts';

export const QueueSection = EngineSection({
  description: 'The durable queue between the roles.',
  engine: Engine(
    ['embedded', 'kafka'],
    {},
    'Where accepted records are kept: on this disk, or in Apache Kafka 4.0 or later (see docs/engines/kafka.md).',
  ),
  all: {
    partitions: Type.Integer({
      default: 4,
      minimum: 1,
      maximum: QUEUE_LIMITS.partitions,
      description: 'Partitions of `raw` and of `events`. It can be raised later, never lowered.',
    }),
    retention: Duration({
      default: '7d',
      description: 'How long records stay in the queue. What the processor or the store has not read stays longer.',
    }),
    maxSize: Size({
      default: '64GiB',
      description: 'Per topic: beyond it the oldest segments go, but never what has not been read.',
    }),
    highWater: Percent({
      default: '90%',
      description:
        'Inputs pause while more of the disk of the queue is used (as `df` counts it), before it is full: HTTP is answered 503 with `Retry-After`, TCP is not read, UDP is dropped and counted. What is left belongs to the processor and the store. `100%` never pauses.',
    }),
    minFree: Size({
      default: '1GiB',
      description: 'The same while less than this is free, whatever the share. `0B` never pauses.',
    }),
  },
  only: {
    embedded: {},
    kafka: {
      brokers: Type.Array(
        Type.String({
          maxLength: 300,
          pattern: '^(\\[[0-9a-fA-F:.]+\\]|[^:\\[\\]\\s]+):[0-9]{1,5}$',
          'x-expects': 'a broker as HOST:PORT',
        }),
        {
          default: [],
          maxItems: 100,
          'x-needed': true,
          description: "Some of Kafka's brokers; the others are learnt from these.",
          examples: [['10.0.0.1:9092', '10.0.0.2:9092']],
        },
      ),
      prefix: Type.String({
        default: 'spillway.',
        maxLength: 100,
        pattern: '^[a-zA-Z0-9._-]*$',
        'x-expects': 'letters, digits, dots, dashes and underscores',
        description: 'Begins the names of topics and groups, so that installations can share a cluster.',
      }),
      replication: Type.Integer({
        default: 3,
        minimum: 1,
        maximum: 100,
        description: 'On how many brokers each record is. Topics with fewer are refused.',
      }),
      minInsyncReplicas: Type.Integer({
        default: 2,
        minimum: 1,
        maximum: 100,
        description: 'On how many of them it has to be before it is acknowledged.',
      }),
      tls: Section(
        {
          enabled: Type.Boolean({ default: false, description: "Whether Kafka's listeners speak TLS." }),
          ca: Type.Optional(
            Path({
              description: "File with the certificates that sign the brokers'; else the system's.",
              examples: ['ca.pem'],
              'x-with': ['enabled'],
            }),
          ),
          cert: Type.Optional(
            Path({
              description: "File with this client's certificate.",
              examples: ['client.pem'],
              'x-with': ['enabled', 'key'],
            }),
          ),
          key: Type.Optional(
            Path({ description: 'File with its key.', examples: ['client.key'], 'x-with': ['enabled', 'cert'] }),
          ),
        },
        { description: 'An encrypted connection.' },
      ),
      sasl: Section(
        {
          mechanism: Type.Unsafe<'SCRAM-SHA-512' | 'SCRAM-SHA-256'>({
            enum: ['SCRAM-SHA-512', 'SCRAM-SHA-256'],
            default: 'SCRAM-SHA-512',
            'x-with': ['username'],
            description: 'How the password is proved.',
          }),
          username: Type.Optional(
            Type.String({
              minLength: 1,
              maxLength: 256,
              'x-with': ['password'],
              description: 'Who logs in. Without it nobody does.',
              examples: ['spillway'],
            }),
          ),
          password: Type.Optional(
            Type.String({
              minLength: 1,
              maxLength: 1_024,
              'x-secret': true,
              'x-with': ['username'],
              description: 'The password: best from a file or the environment, as a reference to it.',
            }),
          ),
        },
        { description: 'A login.' },
      ),
    },
  },
});
