/** Partition 0 of a topic on a fake broker, which gives bytes of it as Kafka does: the first batch whole, the last one cut off. */
import type { Reader, Writer } from '@platformatic/kafka';
import { readBatchHeader, sealForKafka } from '../../../event/record-batch.ts';
import { fetchBytes, listOffsets } from '../protocol.ts';
import type { FakeBroker } from './fake-broker.ts';
import { fetchedFrom, listedOffset } from './partition-answers.ts';

interface Kept {
  readonly bytes: Buffer;
  readonly nextOffset: number;
}

export class FakeLog {
  readonly #topicId: string;
  readonly #batches: Kept[] = [];
  /** What was asked for, and what was given. */
  fetches = 0;
  fetchedBytes = 0;
  /** A broker notes the end before it reads: so many records have come in between. */
  cameMeanwhile = 0;
  /** So many requests are not answered: the connection is cut. */
  cuts = 0;

  constructor(broker: FakeBroker, topic: string, topicId: string) {
    this.#topicId = topicId;
    broker.topics.set(topic, { id: topicId, partitions: 1 });
    broker.answer(fetchBytes, (question) => {
      if (this.cuts === 0) return this.#fetch(question);
      this.cuts--;
      broker.cut();
      return undefined;
    });
    broker.answer(listOffsets, () => listedOffset(topic, this.endOffset));
  }

  get endOffset(): number {
    return this.#batches.at(-1)?.nextOffset ?? 0;
  }

  get sizeBytes(): number {
    return this.#batches.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  append(batch: Buffer): void {
    const bytes = Buffer.from(batch);
    sealForKafka(bytes, 1n, 0, 0);
    bytes.writeBigInt64BE(BigInt(this.endOffset), 0);
    this.#batches.push({ bytes, nextOffset: this.endOffset + (readBatchHeader(bytes)?.recordCount ?? 0) });
  }

  /** Whoever waits for what is not there yet is not answered. */
  #fetch(question: Reader): Writer | undefined {
    question.readInt32();
    const waitMs = question.readInt32();
    question.readInt32();
    const maxBytes = question.readInt32();
    question.readInt8();
    question.readInt32();
    question.readInt32();
    let from = 0;
    question.readArray((topic) => {
      topic.readUUID();
      topic.readArray((partition) => {
        partition.readInt32();
        partition.readInt32();
        from = Number(partition.readInt64());
        partition.readInt32();
        partition.readInt64();
        partition.readInt32();
      });
    });
    const { endOffset } = this;
    if (from === endOffset && waitMs > 0) return undefined;
    const bytes = this.#bytesFrom(from, maxBytes);
    this.fetches++;
    this.fetchedBytes += bytes.length;
    return fetchedFrom(this.#topicId, { endOffset: endOffset - this.cameMeanwhile, bytes });
  }

  #bytesFrom(from: number, maxBytes: number): Buffer {
    const given: Buffer[] = [];
    let left = maxBytes;
    for (const { bytes, nextOffset } of this.#batches) {
      if (nextOffset <= from) continue;
      if (given.length > 0 && left <= 0) break;
      given.push(given.length === 0 ? bytes : bytes.subarray(0, left));
      left -= bytes.length;
    }
    return Buffer.concat(given);
  }
}
