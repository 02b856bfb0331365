/**
 * The requests that are made of a broker, each in one version that every Kafka from 4.0 on speaks. The library has them
 * all, but its Produce encodes record by record and its Fetch makes an object of each: here a batch of ours is sent, and
 * comes back, as the bytes that it is.
 */
import {
  type API,
  addPartitionsToTxnV3,
  apiVersionsV3,
  consumerGroupDescribeV0,
  consumerGroupHeartbeatV1,
  createAPI,
  createPartitionsV3,
  createTopicsV7,
  deleteGroupsV2,
  deleteRecordsV2,
  deleteTopicsV6,
  describeConfigsV4,
  describeLogDirsV4,
  describeProducersV0,
  describeQuorumV1,
  endTxnV4,
  findCoordinatorV4,
  initProducerIdV4,
  listOffsetsV7,
  metadataV12,
  offsetCommitV9,
  offsetFetchV9,
  produceV9,
  type Reader,
  ResponseError,
  Writer,
} from '@platformatic/kafka';

/** The code of one topic in an answer, which brings those of other topics. */
export const TOPIC_AUTHORIZATION_FAILED = 29;

export const addPartitionsToTxn = addPartitionsToTxnV3.api;
export const apiVersions = apiVersionsV3.api;
export const groupDescribe = consumerGroupDescribeV0.api;
export const groupHeartbeat = consumerGroupHeartbeatV1.api;
export const createPartitions = createPartitionsV3.api;
export const createTopics = createTopicsV7.api;
export const deleteGroups = deleteGroupsV2.api;
export const deleteTopics = deleteTopicsV6.api;
export const deleteRecords = deleteRecordsV2.api;
export const describeConfigs = describeConfigsV4.api;
export const describeLogDirs = describeLogDirsV4.api;
export const describeProducers = describeProducersV0.api;
export const describeQuorum = describeQuorumV1.api;
export const endTxn = endTxnV4.api;
export const findCoordinator = findCoordinatorV4.api;
export const initProducerId = initProducerIdV4.api;
export const listOffsets = listOffsetsV7.api;
export const metadata = metadataApi(false);
/** With what the user may do with each topic, as bits by Kafka's numbers of operations. */
export const metadataWithRights = metadataApi(true);
export const offsetCommit = offsetCommitV9.api;
export const offsetFetch = offsetFetchV9.api;

/** The library makes an error of an answer in which one topic is not there; what it says of the others counts too. */
function metadataApi(withRights: boolean): API<[topics: string[]], MetadataAnswer> {
  return createAPI<[topics: string[]], MetadataAnswer>(
    metadataV12.api.key,
    metadataV12.api.version,
    (topics: string[]) => metadataV12.createRequest(topics, false, withRights),
    (...answer) => {
      try {
        return metadataV12.parseResponse(...answer);
      } catch (thrown) {
        if (thrown instanceof ResponseError && 'response' in thrown) return thrown.response as MetadataAnswer;
        throw thrown;
      }
    },
  );
}

export type MetadataAnswer = ReturnType<typeof metadataV12.parseResponse>;
type ProduceResponse = ReturnType<typeof produceV9.parseResponse>;

const PRODUCE = { key: 0, version: 9 };
/** The first that names a topic by its id: another one of the same name is never read in its place. */
const FETCH = { key: 1, version: 13 };
const ACKS_ALL = -1;
const CONSUMER = -1;
const NO_SESSION = { id: 0, epoch: -1 };

/** One batch to one partition; answered when `min.insync.replicas` have it. */
export const produceBatch = createAPI<
  [topic: string, partition: number, batch: Buffer, acknowledgeMs: number],
  ProduceResponse
>(
  PRODUCE.key,
  PRODUCE.version,
  (topic: string, partition: number, batch: Buffer, acknowledgeMs: number) =>
    Writer.create()
      .appendString(null)
      .appendInt16(ACKS_ALL)
      .appendInt32(acknowledgeMs)
      .appendArray([topic], (topics, name) => {
        topics.appendString(name).appendArray([partition], (partitions, index) => {
          partitions
            .appendInt32(index)
            .appendUnsignedVarInt(batch.length + 1)
            .append(batch);
        });
      })
      .appendTaggedFields(),
  produceV9.parseResponse,
);

export interface FetchQuestion {
  readonly topicId: string;
  readonly partition: number;
  readonly offset: number;
  readonly maxBytes: number;
  /** How long the broker waits for the first new byte. */
  readonly waitMs: number;
}

export interface Fetched {
  /** What every replica in sync has ends here. */
  readonly endOffset: number;
  /** Record batches, the last one perhaps cut off. */
  readonly bytes: Buffer;
}

const NOTHING = Buffer.alloc(0);

export const fetchBytes = createAPI<[question: FetchQuestion], Fetched>(
  FETCH.key,
  FETCH.version,
  ({ topicId, partition, offset, maxBytes, waitMs }: FetchQuestion) =>
    Writer.create()
      .appendInt32(CONSUMER)
      .appendInt32(waitMs)
      .appendInt32(waitMs > 0 ? 1 : 0)
      .appendInt32(maxBytes)
      .appendInt8(0)
      .appendInt32(NO_SESSION.id)
      .appendInt32(NO_SESSION.epoch)
      .appendArray([topicId], (topics, id) => {
        topics.appendUUID(id).appendArray([partition], (partitions, index) => {
          partitions
            .appendInt32(index)
            .appendInt32(-1)
            .appendInt64(BigInt(offset))
            .appendInt32(-1)
            .appendInt64(-1n)
            .appendInt32(maxBytes);
        });
      })
      .appendArray([], () => {})
      .appendString('')
      .appendTaggedFields(),
  (_correlation, key, version, reader) => parseFetched(key, version, reader),
);

function parseFetched(key: number, version: number, reader: Reader): Fetched {
  reader.readInt32();
  fail(key, version, reader.readInt16());
  reader.readInt32();
  const topics = reader.readArray((topic) => {
    topic.readUUID();
    return topic.readArray((partition) => {
      partition.readInt32();
      const errorCode = partition.readInt16();
      const endOffset = Number(partition.readInt64());
      partition.readInt64();
      partition.readInt64();
      partition.readNullableArray((aborted) => [aborted.readInt64(), aborted.readInt64()]);
      partition.readInt32();
      const sizeBytes = partition.readUnsignedVarInt() - 1;
      const { position } = partition;
      const bytes = sizeBytes > 0 ? partition.buffer.slice(position, position + sizeBytes) : NOTHING;
      if (sizeBytes > 0) partition.skip(sizeBytes);
      return { errorCode, endOffset, bytes };
    });
  });
  const found = topics[0]?.[0];
  if (found === undefined) throw new ResponseError(key, version, { '/': [-1, 'no partition in the answer'] }, null);
  fail(key, version, found.errorCode);
  return found;
}

function fail(key: number, version: number, errorCode: number): void {
  if (errorCode !== 0) throw new ResponseError(key, version, { '/': [errorCode, null] }, null);
}
