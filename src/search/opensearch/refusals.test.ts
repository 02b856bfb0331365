import { expect, test } from 'vitest';
import { adviceOn, isAboutDocument } from './refusals.ts';

// As OpenSearch 3.8.0 answers them, but for the two about a full shard, which are from its source and Lucene's.
const OF_DOCUMENT = [
  ['mapper_parsing_exception', "failed to parse field [n] of type [long] in document with id '4'"],
  ['mapper_parsing_exception', 'failed to parse: Duplicate Object property "n"'],
  [
    'illegal_argument_exception',
    'Document contains at least one immense term in field="k" (whose UTF8 encoding is longer',
  ],
  ['illegal_argument_exception', 'DocValuesField "v.string.o/type" is too large, must be <= 32766'],
] as const;
const OF_CLUSTER = [
  [
    'illegal_argument_exception',
    'no write index is defined for alias [a-write]. The write index may be explicitly disabled',
  ],
  ['illegal_argument_exception', 'pipeline with id [no-such] does not exist'],
  [
    'illegal_argument_exception',
    'Number of documents in shard [a][0] exceeds the limit of [2147483519] documents per shard',
  ],
  ['illegal_argument_exception', 'number of documents in the index cannot exceed 2147483519'],
  ['illegal_argument_exception', 'Limit of total fields [1000] has been exceeded'],
  [
    'strict_dynamic_mapping_exception',
    'mapping set to strict, dynamic introduction of [zz] within [_doc] is not allowed',
  ],
  ['unavailable_shards_exception', '[a][0] primary shard is not active Timeout: [5s]'],
  ['index_closed_exception', 'closed'],
] as const;

test.each(OF_DOCUMENT)('is the fault of the event: %s: %s', (type, reason) => {
  expect(isAboutDocument({ type, reason })).toBe(true);
});

test.each(OF_CLUSTER)('is the state of the cluster, so the event waits: %s: %s', (type, reason) => {
  expect(isAboutDocument({ type, reason })).toBe(false);
});

test('a slice that is full by its documents is said to be', () => {
  for (const [, reason] of OF_CLUSTER.slice(2, 4)) expect(adviceOn(reason)).toMatch(/The slice is full/);
});
