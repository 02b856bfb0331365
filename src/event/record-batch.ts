/**
 * Record batches in Kafka's layout, magic 2: what travels and rests in the queue. A header of 61 bytes and records of
 * varints, so that Kafka's own tools can check a segment and records go to Kafka without being encoded again.
 */
export { type BatchMemory, batchMemory } from './batch-memory.ts';
export { RecordBatchBuilder } from './record-batch-builder.ts';
export {
  BATCH_HEADER_BYTES,
  type BatchCompression,
  type BatchHeader,
  batchIsIntact,
  readBatchHeader,
  readProducer,
  sealBatch,
  sealForKafka,
  withoutProducer,
} from './record-batch-header.ts';
export { RecordCursor } from './record-cursor.ts';
export { encodeHeaders, NO_HEADERS } from './record-headers.ts';
