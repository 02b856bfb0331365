/**
 * By which producer, and from which sequence on, the log of a partition goes to the queue. It is durable before any of
 * that is sent, and forgotten before anything goes to the queue that was not in the log: so a process that finds it goes
 * on where its predecessor ended, and can ask the queue how far that was.
 */
import type { Disk } from '../../lib/disk.ts';
import { readWhole, replaceFile } from '../../lib/disk-files.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import { SharedTurn } from '../../lib/shared-turn.ts';
import { placeOf } from '../place.ts';
import type { TopicPartition } from '../port.ts';
import type { ProducerMark } from '../producer-mark.ts';

export interface ProducerNote extends ProducerMark {
  /** In the log: the sequence is that of the record there. */
  readonly position: number;
  /** Up to here: what comes after it was put in by a later process. Absent while the one that noted it goes on. */
  readonly end?: number;
}

interface Written {
  readonly version: number;
  /** By `topic/partition`. */
  readonly producers: Readonly<Record<string, ProducerNote>>;
}

const VERSION = 1;

export class ProducerNotes {
  readonly #disk: Disk;
  readonly #file: string;
  #notes: ReadonlyMap<string, ProducerNote>;
  /** A write that failed may be on the disk all the same. */
  readonly #mayBeThere: Set<string>;
  #changes = new Map<string, ProducerNote | undefined>();
  readonly #writing = new SharedTurn(() => this.#write());

  private constructor(file: string, disk: Disk, notes: ReadonlyMap<string, ProducerNote>) {
    this.#file = file;
    this.#disk = disk;
    this.#notes = notes;
    this.#mayBeThere = new Set(notes.keys());
  }

  /** What cannot be read is passed over: without it a batch may be there twice, and none is lost. */
  static async open(file: string, disk: Disk, log: Logger): Promise<ProducerNotes> {
    const text = (await readWhole(disk, file))?.toString('utf8') ?? '';
    let notes: ReadonlyMap<string, ProducerNote> = new Map();
    try {
      if (text !== '') notes = parse(text);
    } catch (thrown) {
      log.warn({ file, reason: messageOf(thrown) }, 'what was under way to the queue may be there twice');
    }
    return new ProducerNotes(file, disk, notes);
  }

  /** As it is on the disk. */
  of(at: TopicPartition): ProducerNote | undefined {
    return this.#notes.get(placeOf(at));
  }

  /** Durable when it resolves; undefined forgets it. Of several partitions at once; of one, one call at a time. */
  async set(at: TopicPartition, note: ProducerNote | undefined): Promise<void> {
    const key = placeOf(at);
    if (note === undefined && !this.#mayBeThere.has(key)) return;
    this.#mayBeThere.add(key);
    this.#changes.set(key, note);
    await this.#writing.run();
    if (note === undefined) this.#mayBeThere.delete(key);
  }

  async #write(): Promise<void> {
    const changes = this.#changes;
    this.#changes = new Map();
    const notes = new Map(this.#notes);
    for (const [key, note] of changes) {
      if (note === undefined) notes.delete(key);
      else notes.set(key, note);
    }
    const written: Written = { version: VERSION, producers: Object.fromEntries(notes) };
    await replaceFile(this.#disk, this.#file, Buffer.from(`${JSON.stringify(written)}\n`));
    this.#notes = notes;
  }
}

function parse(text: string): ReadonlyMap<string, ProducerNote> {
  const { version, producers }: Written = JSON.parse(text);
  if (version !== VERSION) throw new Error(`version ${version} is not known here`);
  return new Map(Object.entries(producers));
}
