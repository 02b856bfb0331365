/**
 * Every option of spillway.yaml. The one source of the types, the validation, the defaults, the JSON Schema for editors
 * (docs/spillway.schema.json), the reference page (docs/configuration.md) and `spillway config print`.
 */
import { Type } from 'typebox';
import { Duration, Host, Listeners, notYet, Path, Port, type ResolvedOf, Section } from './kinds.ts';
import { QueueSection } from './queue-section.ts';
import { SearchSection } from './search-section.ts';
import { TENANT_PATTERN, TENANT_WORDS } from './tenant-name.ts';

/** What an installation has whose configuration says none. */
export const DEFAULT_SITE = 'local';

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

const Stage = Type.Object(
  { stage: Type.String({ minLength: 1, description: 'Kind of the stage.' }) },
  { additionalProperties: true, description: 'One step; its other members depend on its kind.' },
);

export const ConfigSchema = Section(
  {
    site: Type.String({
      pattern: '^[a-z0-9_-]{1,32}$',
      'x-expects': 'a name of lower-case letters, digits, - and _, at most 32',
      default: DEFAULT_SITE,
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
    queue: QueueSection,
    search: SearchSection,
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
