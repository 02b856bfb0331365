/** What follows the header of a broker's answers about one partition, number 0. */
import { Writer } from '@platformatic/kafka';

/** `fields` follow its number. */
export function ofPartition(name: (topics: Writer) => Writer, fields: (partition: Writer) => unknown): Writer {
  return Writer.create().appendArray([0], (topics) => {
    name(topics).appendArray([0], (partitions) => void fields(partitions.appendInt32(0)));
  });
}

export interface FetchedPart {
  readonly errorCode?: number;
  readonly endOffset: number;
  readonly bytes?: Buffer;
}

export function fetchedFrom(topicId: string, { errorCode = 0, endOffset, bytes }: FetchedPart): Writer {
  const part = ofPartition(
    (topics) => topics.appendUUID(topicId),
    (partition) => {
      partition.appendInt16(errorCode).appendInt64(BigInt(endOffset)).appendInt64(-1n).appendInt64(-1n);
      partition.appendArray(null, () => {}).appendInt32(-1);
      if (bytes === undefined) return partition.appendUnsignedVarInt(0);
      return partition.appendUnsignedVarInt(bytes.length + 1).append(bytes);
    },
  );
  return Writer.create().appendInt32(0).appendInt16(0).appendInt32(0).appendFrom(part).appendTaggedFields();
}

export function listedOffset(topic: string, offset: number): Writer {
  const part = ofPartition(
    (topics) => topics.appendString(topic),
    (partition) => partition.appendInt16(0).appendInt64(-1n).appendInt64(BigInt(offset)).appendInt32(0),
  );
  return Writer.create().appendInt32(0).appendFrom(part).appendTaggedFields();
}
