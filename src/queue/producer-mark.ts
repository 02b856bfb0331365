/**
 * Where a writer stands in the sequences by which its queue knows a repetition. A later process that goes on there with the
 * same batches has none of them there twice, whatever of them had come to the queue without its saying so.
 */
export interface ProducerMark {
  readonly producerId: string;
  readonly epoch: number;
  /** Of the next record. */
  readonly sequence: number;
}
