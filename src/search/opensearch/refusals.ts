/**
 * Whose fault a refused row is. Only what is surely its own makes a dead letter of it: all else is about its slice or the
 * cluster, and the row waits, however long, since a good event must not be lost through a setting of somebody's. Where it is
 * about the slice, the rows of others do not wait with it.
 */
import { clusterState } from './cluster-state.ts';
import type { EngineProblem } from './errors.ts';

/**
 * The document cannot be read, or a value not be taken by its field: `MapperParsingException` of OpenSearch
 * (org.opensearch.index.mapper; `DocumentParser` and `FieldMapper.parse` throw it), `DocumentParsingException` of
 * Elasticsearch from 8.8 on. Not `strict_dynamic_mapping_exception`: the documents have the fields of every slice, so
 * that one says that somebody has changed the mapping.
 */
const TYPES_OF_DOCUMENT: ReadonlySet<string> = new Set([
  'mapper_parsing_exception',
  'document_parsing_exception',
  'max_bytes_length_exceeded_exception',
]);

/**
 * What Lucene says of a document in an IllegalArgumentException, which the engine answers as `illegal_argument_exception`
 * like a missing pipeline, an alias of two indices or a full shard: `IndexingChain` (a term, or a value of a column, of
 * more than 32,766 bytes), and the engine's `NumberFieldMapper` and `MapperService` about what a document holds.
 */
const REASONS_OF_DOCUMENT: readonly RegExp[] = [
  /Document contains at least one immense term/,
  /DocValuesField "[^"]*" is too large, must be <= \d+/,
  /bytes can be at most \d+ in length; got \d+/,
];

const ARGUMENT = 'illegal_argument_exception';

export function isAboutDocument({ type, reason }: EngineProblem): boolean {
  if (TYPES_OF_DOCUMENT.has(type)) return true;
  return type === ARGUMENT && REASONS_OF_DOCUMENT.some((known) => known.test(reason));
}

/** A node has too much to do, or its asker may not: that is so for other slices too, and is over for all at once. */
const TYPES_OF_CLUSTER = /rejected_execution|circuit_breaking|security_exception|task_cancelled|timeout_exception/;

/** Of a row that is not refused for what it is. */
export function isAboutSlice(problem: EngineProblem): boolean {
  return !TYPES_OF_CLUSTER.test(problem.type) && clusterState(problem) === undefined;
}

/** No node has the shard that is written: whoever is answered that has waited for it. */
export const NO_SHARD = /primary shard is not active|unavailable_shards/;

/** Lucene's most documents of a shard (`IndexWriter.MAX_DOCS`, 2^31 - 1 - 128); the engine refuses more in its own words or Lucene's. */
export const SHARD_DOCUMENTS = 2 ** 31 - 1 - 128;

const ADVICE: readonly (readonly [said: RegExp, advice: string])[] = [
  [
    /number of documents in (?:shard|the index)/i,
    'The slice is full: a shard holds 2,147,483,519 documents. See docs/engines/opensearch.md#full-slices',
  ],
  [
    /no write index is defined for alias|more than one write index/,
    'Another index has this slice\'s alias: POST /_aliases {"actions": [{"remove": {"index": "ITS NAME", "alias": "THE ALIAS"}}]}',
  ],
  [
    /pipeline/,
    'A pipeline of the index fails, or changes or drops events: PUT /INDEX/_settings {"index.final_pipeline": null}, and look at index templates',
  ],
  [
    /primary shard is not active|no_shard_available|unavailable_shards|no node has its shards/,
    'No node has the shard: GET /_cluster/allocation/explain says why. Start the node that has it, or one with the attributes that its tier wants (search.tiers, storage.nodes), or take those off: PUT /INDEX/_settings {"index.routing.allocation.require.NAME": null}',
  ],
  [/read-only|cluster_block/, 'The index is blocked, as where a disk is nearly full: free space on the nodes'],
  [
    /maximum (?:normal )?shards open|this cluster currently has/,
    'The cluster has as many shards as it may: remove what is not needed, add a node, or PUT /_cluster/settings {"persistent": {"cluster.max_shards_per_node": MORE}}',
  ],
  [/index_closed/, 'POST /INDEX/_open, or remove it'],
  [/strict_dynamic_mapping/, 'Somebody has changed the mapping: PUT /INDEX/_mapping {"dynamic": false}'],
  [/rejected_execution|circuit_breaking/, 'The cluster has more to do than it can: it gets less at a time'],
];

/** What an operator can do about it; the rows go on by themselves then. */
export function adviceOn(trouble: string): string {
  return ADVICE.find(([said]) => said.test(trouble))?.[1] ?? 'Look at the log of the nodes, and at `spillway doctor`';
}
