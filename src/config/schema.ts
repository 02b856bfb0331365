/**
 * Every option of spillway.yaml. The one source of the types, the validation, the defaults, the JSON Schema for editors
 * (docs/spillway.schema.json), the reference page (docs/configuration.md) and `spillway config print`.
 */
import { Type } from 'typebox';
import { QUEUE_LIMITS } from '../lib/limits.ts';
import { Duration, Engine, Host, Listeners, Path, Percent, Port, type ResolvedOf, Section, Size } from './kinds.ts';

/** Names of tenants: also parts of paths and of queries. */
export const TENANT_PATTERN = '^[a-z0-9][a-z0-9_-]{0,63}$';

const TENANT_WORDS = 'a name of lower-case letters, digits, - and _, beginning with a letter or digit, at most 64';

const Tenant = (description: string) =>
  Type.String({ pattern: TENANT_PATTERN, 'x-expects': TENANT_WORDS, default: 'default', description });

const SyslogListener = Section(
  {
    host: Host({ default: '127.0.0.1', description: 'Address to listen on.' }),
    port: Port({ default: 5514, description: 'Port, the same for UDP and TCP. 0 takes a free one.' }),
    udp: Type.Boolean({ default: true, description: 'Listen on UDP.' }),
    tcp: Type.Boolean({ default: true, description: 'Listen on TCP, both framings of RFC 6587.' }),
    tenant: Tenant('Tenant that everything received here belongs to.'),
  },
  { description: 'One syslog listener.' },
);

const TierStorage = Section(
  {
    shards: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_024,
        description: 'Primary shards of a slice, instead of `search.index.shards`.',
      }),
    ),
    replicas: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 100, description: 'Instead of `search.index.replicas`.' }),
    ),
    nodes: Type.Record(
      Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$' }),
      Type.String({ minLength: 1, maxLength: 256, description: 'What the attribute must be.' }),
      {
        default: {},
        'x-names': 'the name of an attribute of nodes (letters, digits, - and _)',
        description: 'Attributes (`node.attr.…`) that a node must have to hold the slices.',
      },
    ),
  },
  { description: 'With `engine: opensearch`: where and how the slices of the tier lie. Holds for new slices.' },
);

const Tier = Section(
  {
    name: Type.String({
      pattern: TENANT_PATTERN,
      'x-expects': TENANT_WORDS,
      description: 'Its name, by which `tenants.NAME.tier` puts a tenant into it.',
    }),
    events: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 1_000_000_000_000,
        description: 'A tenant that sends so many events a day is in it.',
      }),
    ),
    volume: Type.Optional(Size({ description: 'Or one that sends so many bytes of events a day.' })),
    slice: Duration({ default: '1d', description: 'Length of its slices: whole hours, from `1h` to `7d`.' }),
    own: Type.Boolean({ default: false, description: 'Whether each of its tenants has slices of its own.' }),
    storage: TierStorage,
  },
  { description: 'One tier.' },
);

const notYet = (what: string, instead: string): string => `${what} is not there yet: this version has ${instead}`;

const Stage = Type.Object(
  { stage: Type.String({ minLength: 1, description: 'Kind of the stage.' }) },
  { additionalProperties: true, description: 'One step; its other members depend on its kind.' },
);

export const ConfigSchema = Section(
  {
    site: Type.String({
      pattern: '^[a-z0-9_-]{1,32}$',
      'x-expects': 'a name of lower-case letters, digits, - and _, at most 32',
      default: 'local',
      description:
        "Name of this installation. It begins every event's id, so choose it once: another one is refused on the same data folder or the same topics of Kafka, and all machines on these have the same.",
      examples: ['ams1'],
    }),
    data: Path({
      default: './data',
      description: 'Folder of everything that Spillway keeps. A relative path is relative to the working directory.',
      examples: ['/var/lib/spillway'],
    }),
    http: Section(
      {
        host: Host({ default: '127.0.0.1', description: 'Address of the front door: console, API and HTTP inputs.' }),
        port: Port({ default: 7514, description: 'Its port. 0 takes a free one.' }),
        names: Type.Array(Host({ description: 'A host name.' }), {
          default: [],
          maxItems: 100,
          description:
            'Names under which browsers may open the console, beside localhost, IP addresses and `http.host`. Requests for other names are refused, so that a hostile page cannot reach Spillway through a name of its own.',
          examples: [['logs.example.com']],
        }),
      },
      { description: 'The HTTP front door.' },
    ),
    store: Section(
      {
        host: Host({ default: '127.0.0.1', description: "Address of the store's own HTTP." }),
        port: Port({ default: 7515, description: 'Its port. 0 takes a free one.' }),
      },
      { description: "The store's own HTTP, with `spillway start --role store` only." },
    ),
    processor: Section(
      {
        lanes: Type.Boolean({
          default: true,
          description:
            'Hold a tenant back that sends more than there is time for, so that the others do not wait for it: its records stay in the queue and are processed behind theirs, in their order (see docs/operations.md).',
        }),
        laneWindow: Type.Integer({
          default: 4_096,
          minimum: 1_000,
          maximum: 10_000_000,
          description:
            'Events of tenants that are held back which the store may have before it: more makes them faster, and the others wait for more.',
        }),
      },
      { description: 'The processor.' },
    ),
    inputs: Section(
      {
        syslog: Listeners(SyslogListener, {
          default: true,
          description: 'syslog over UDP and TCP, RFC 5424 and RFC 3164.',
          examples: [
            [
              { port: 5514, tenant: 'default' },
              { port: 5515, tenant: 'shop' },
            ],
          ],
        }),
      },
      {
        description: 'What listens for logs, beside `POST /api/logs` at the front door.',
        'x-planned': Object.fromEntries(
          ['gelf', 'fluent', 'relp', 'redis', 'otlp', 'files', 'kafka'].map((name) => [
            name,
            notYet(`The input ${name}`, 'syslog and POST /api/logs.'),
          ]),
        ),
      },
    ),
    queue: Section(
      {
        engine: Engine(
          ['embedded', 'kafka'],
          {},
          'Where accepted records are kept: on this disk, or in Apache Kafka 4.0 or later (see docs/engines/kafka.md).',
        ),
        brokers: Type.Array(
          Type.String({
            maxLength: 300,
            pattern: '^(\\[[0-9a-fA-F:.]+\\]|[^:\\[\\]\\s]+):[0-9]{1,5}$',
            'x-expects': 'a broker as HOST:PORT',
          }),
          {
            default: [],
            maxItems: 100,
            description: 'kafka: some of its brokers; the others are learnt from these.',
            examples: [['10.0.0.1:9092', '10.0.0.2:9092']],
          },
        ),
        prefix: Type.String({
          default: 'spillway.',
          maxLength: 100,
          pattern: '^[a-zA-Z0-9._-]*$',
          'x-expects': 'letters, digits, dots, dashes and underscores',
          description: 'kafka: begins the names of topics and groups, so that installations can share a cluster.',
        }),
        replication: Type.Integer({
          default: 3,
          minimum: 1,
          maximum: 100,
          description: 'kafka: on how many brokers each record is. Topics with fewer are refused.',
        }),
        minInsyncReplicas: Type.Integer({
          default: 2,
          minimum: 1,
          maximum: 100,
          description: 'kafka: on how many of them it has to be before it is acknowledged.',
        }),
        tls: Section(
          {
            enabled: Type.Boolean({ default: false, description: 'kafka: whether its listeners speak TLS.' }),
            ca: Type.Optional(
              Path({
                description: "File with the certificates that sign the brokers'; else the system's.",
                examples: ['ca.pem'],
              }),
            ),
            cert: Type.Optional(
              Path({ description: "File with this client's certificate.", examples: ['client.pem'] }),
            ),
            key: Type.Optional(Path({ description: 'File with its key.', examples: ['client.key'] })),
          },
          { description: 'kafka: an encrypted connection.' },
        ),
        sasl: Section(
          {
            mechanism: Type.Unsafe<'SCRAM-SHA-512' | 'SCRAM-SHA-256'>({
              enum: ['SCRAM-SHA-512', 'SCRAM-SHA-256'],
              default: 'SCRAM-SHA-512',
              description: 'How the password is proved.',
            }),
            username: Type.Optional(
              Type.String({
                minLength: 1,
                maxLength: 256,
                description: 'Who logs in. Without it nobody does.',
                examples: ['spillway'],
              }),
            ),
            password: Type.Optional(
              Type.String({
                minLength: 1,
                maxLength: 1_024,
                description: 'The password: best from a file or the environment, as a reference to it.',
              }),
            ),
          },
          { description: 'kafka: a login.' },
        ),
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
      { description: 'The durable queue between the roles.' },
    ),
    search: Section(
      {
        engine: Engine(
          ['embedded', 'opensearch'],
          {},
          'Where events are searched: ClickHouse in the process of the store, or a cluster of OpenSearch (see engines/opensearch.md).',
        ),
        retention: Duration({
          default: '30d',
          description: 'How long events can be searched, in whole days (rounded up): whole slices are dropped.',
        }),
        tiers: Type.Array(Tier, {
          default: [
            { name: 'shared', events: 0, slice: '1d' },
            { name: 'own', events: 20_000_000, slice: '1d', own: true },
            { name: 'large', events: 200_000_000, slice: '6h', own: true },
          ],
          maxItems: 16,
          description:
            'What a tenant earns by the volume that is measured, smallest first (see slices.md). The first tier is for everyone, and shared. A tier without `events` and `volume` is only for tenants that name it.',
          examples: [
            [
              { name: 'shared' },
              { name: 'busy', volume: '5GiB', own: true },
              { name: 'hot', volume: '100GiB', own: true, slice: '1h', storage: { shards: 3, nodes: { box: 'hot' } } },
            ],
          ],
        }),
        nodes: Type.Array(
          Type.String({
            pattern: '^https?://[^/@\\s]+(/[^\\s?#]*)?$',
            maxLength: 1_000,
            'x-expects': 'an address such as https://search-1:9200, without a name or password',
            description: 'Address of one node.',
          }),
          {
            default: [],
            maxItems: 100,
            description:
              'With `engine: opensearch`: nodes of the cluster that are asked in turn, and passed over while they are away.',
            examples: [['https://search-1:9200', 'https://search-2:9200']],
          },
        ),
        username: Type.Optional(
          Type.String({
            minLength: 1,
            maxLength: 1_000,
            description: 'With `engine: opensearch`: who Spillway is there.',
          }),
        ),
        password: Type.Optional(
          Type.String({
            maxLength: 10_000,
            description: 'With `engine: opensearch`: the password of `username`.',
            examples: ['$' + '{file:/run/secrets/opensearch}'],
          }),
        ),
        tls: Section(
          {
            ca: Type.Optional(
              Path({ description: "A file of certificates (PEM) that are trusted instead of the system's." }),
            ),
            verify: Type.Boolean({ default: true, description: 'False trusts any certificate: for trials only.' }),
          },
          { description: 'With `engine: opensearch` and nodes of `https:`.' },
        ),
        index: Section(
          {
            prefix: Type.String({
              pattern: '^[a-z0-9][a-z0-9_-]{0,63}$',
              'x-expects': TENANT_WORDS,
              default: 'spillway',
              description: 'Begins the names of all indices. Sites that share a cluster need different ones.',
            }),
            shards: Type.Integer({ default: 1, minimum: 1, maximum: 1_024, description: 'Primary shards of a slice.' }),
            replicas: Type.Integer({
              default: 1,
              minimum: 0,
              maximum: 100,
              description: 'Copies of each shard. With 0 a machine that dies takes its slices with it.',
            }),
            refresh: Duration({
              default: '1s',
              description: 'How often a slice is refreshed at the most: how much later a lone event is found.',
            }),
          },
          { description: 'With `engine: opensearch`: the indices that new slices become.' },
        ),
      },
      { description: 'The search store.' },
    ),
    tenants: Type.Record(
      Type.String({ pattern: TENANT_PATTERN }),
      Section(
        {
          retention: Type.Optional(Duration({ description: 'Instead of `search.retention`.', examples: ['90d'] })),
          tier: Type.Optional(
            Type.String({
              pattern: TENANT_PATTERN,
              'x-expects': TENANT_WORDS,
              description: 'A tier of `search.tiers`, whatever it sends.',
              examples: ['large'],
            }),
          ),
        },
        { description: 'What differs for one tenant.' },
      ),
      { default: {}, 'x-names': TENANT_WORDS, description: 'By name of the tenant. A tenant needs no entry here.' },
    ),
    topology: Type.Optional(
      Type.Array(Stage, {
        maxItems: 1_000,
        description:
          'Stages that every event passes, in this order, after the built-in parsing. `spillway config check` tries them.',
        examples: [[{ stage: 'filter', when: 'app:lb AND message:"I am alive"', drop: true }]],
      }),
    ),
    log: Section(
      {
        level: Type.Unsafe<'debug' | 'info' | 'warn' | 'error'>({
          enum: ['debug', 'info', 'warn', 'error'],
          default: 'info',
          description: "What of Spillway's own log is written to standard error.",
        }),
      },
      { description: "Spillway's own log." },
    ),
  },
  {
    description: 'Configuration of Spillway.',
    'x-planned': {
      events: 'The event service is not there yet: remove the section `events`.',
      archive: 'The archive is not there yet: remove the section `archive`.',
      mirror: 'Mirroring is not there yet: remove the section `mirror`.',
    },
  },
);

/** What everything but this folder sees: all defaults filled in, durations in ms, sizes in bytes, frozen. */
export type Config = ResolvedOf<typeof ConfigSchema>;
