/** The owner of one partition in one process: what it found, and its appends, held against the model. */
import type { PartitionWriter, TopicPartition } from '../../src/queue/port.ts';
import { batchOf, type TestRecord } from '../../src/queue/test-records.ts';
import { attempt, Refusal } from './attempt.ts';
import type { PartitionModel } from './partition-model.ts';
import type { Process } from './process.ts';
import { readEverything } from './reading.ts';

/** `refused`: the disk is full, another append may succeed. `over`: this owner is done. */
export type Outcome = 'durable' | 'refused' | 'over';

export class Owner {
  readonly writer: PartitionWriter;
  readonly #process: Process;
  readonly #model: PartitionModel;
  readonly #epoch: number;
  #durableTo: number;

  private constructor(process: Process, model: PartitionModel, writer: PartitionWriter, epoch: number) {
    this.#durableTo = writer.nextOffset;
    this.#process = process;
    this.#model = model;
    this.#epoch = epoch;
    this.writer = writer;
  }

  /** Takes the partition over and reads all of it; undefined where the machine did not let it. */
  static async open(process: Process, at: TopicPartition): Promise<Owner | undefined> {
    const { world } = process;
    const model = world.model.partition(at);
    const opened = await attempt(process, `open a writer of ${model.name}`, async () => {
      const writer = await process.queue.openWriter(at);
      const epoch = process.epochOf(at);
      const { nextOffset } = writer;
      world.trace.add(`${process.name} owns ${model.name} from ${nextOffset} in epoch ${epoch}`);
      world.check(() => model.opened(epoch, nextOffset));
      return { writer, epoch, nextOffset };
    });
    if (opened instanceof Refusal) return undefined;
    const { writer, epoch, nextOffset } = opened;
    const owner = new Owner(process, model, writer, epoch);
    const everything = await readEverything(process, at);
    if (everything === undefined) {
      await owner.close();
      return undefined;
    }
    const { earliest, found, corrupt } = everything;
    world.check(() => model.recovered(epoch, nextOffset, earliest, found, corrupt));
    return owner;
  }

  /** Where the partition durably ends, as far as its owner knows. */
  get durableTo(): number {
    return this.#durableTo;
  }

  async append(records: readonly TestRecord[]): Promise<Outcome> {
    const { writer } = this;
    const { world } = this.#process;
    const base: number = writer.nextOffset;
    const texts = records.map(({ value }) => value);
    const newestMs = records.reduce((newest, { timestampMs = 0 }) => Math.max(newest, timestampMs), -Infinity);
    const batch = batchOf(records, world.topics[writer.topic]?.compression);
    this.#model.trying(this.#epoch, base, texts);
    const appended = await attempt(this.#process, `append to ${this.#model.name}`, async () => {
      const { baseOffset } = await writer.append(batch);
      this.#durableTo = Math.max(this.#durableTo, baseOffset + texts.length);
      world.trace.add(`${this.#process.name} has ${texts.length} in ${this.#model.name} from ${baseOffset}`);
      world.check(() => {
        this.#model.acknowledged(this.#epoch, baseOffset, texts, newestMs);
        world.model.appended(writer, baseOffset, texts);
      });
    });
    if (!(appended instanceof Refusal)) return 'durable';
    return appended.code === 'DISK_FULL' ? 'refused' : 'over';
  }

  async close(): Promise<void> {
    await attempt(this.#process, `close the writer of ${this.#model.name}`, () => this.writer.close());
  }
}
