/** The section `search` of the configuration. */
import { Type } from 'typebox';
import { Engine, EngineSection, ofEngine } from './engine-section.ts';
import { Duration, notYet, Path, Section, Size } from './kinds.ts';
import { TENANT_PATTERN, TENANT_WORDS } from './tenant-name.ts';

const TierStorage = ofEngine(
  'opensearch',
  Section(
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
    { description: 'Where and how the slices of the tier lie. Holds for new slices.' },
  ),
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

export const SearchSection = EngineSection({
  description: 'The search store.',
  engine: Engine(
    ['embedded', 'opensearch'],
    {},
    'Where events are searched: ClickHouse in the process of the store, or a cluster of OpenSearch (see engines/opensearch.md).',
  ),
  all: {
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
  },
  only: {
    embedded: {},
    opensearch: {
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
          'x-needed': true,
          description: 'Nodes of the cluster that are asked in turn, and passed over while they are away.',
          examples: [['https://search-1:9200', 'https://search-2:9200']],
        },
      ),
      username: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 1_000,
          'x-with': ['password'],
          description: 'Who Spillway is there.',
        }),
      ),
      password: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 10_000,
          'x-secret': true,
          'x-with': ['username'],
          description: 'The password of `username`.',
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
        {
          description: 'Certificates of nodes of `https:`.',
          'x-planned': Object.fromEntries(
            ['cert', 'key'].map((name) => [
              name,
              notYet('A certificate of our own for OpenSearch', 'search.username and search.password.'),
            ]),
          ),
        },
      ),
      index: Section(
        {
          prefix: Type.String({
            pattern: '^[a-z0-9][a-z0-9_-]{0,63}$',
            'x-expects': TENANT_WORDS,
            default: 'spillway',
            description: 'Begins the names of all indices. Sites that share a cluster need different ones.',
          }),
          shards: Type.Integer({
            default: 1,
            minimum: 1,
            maximum: 1_024,
            description: 'Primary shards of a slice.',
          }),
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
        { description: 'The indices that new slices become.' },
      ),
    },
  },
});
