/**
 * What is known of topics without asking the queue: how many partitions sources of this process have gone to, and how
 * many there were at first. Durable before a partition is used that is not in it, so a later start that does not reach
 * the queue takes every source to where it was.
 */
import { isDeepStrictEqual } from 'node:util';
import { type Disk, nodeDisk } from '../../lib/disk.ts';
import { readWhole, replaceFile } from '../../lib/disk-files.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { InTurn } from '../../lib/in-turn.ts';
import type { TopicLayout } from '../port.ts';

export interface KnownLayout extends Pick<TopicLayout, 'partitions' | 'firstPartitions'> {
  /**
   * Partitions from each of these on were added, and nothing went to them before what sources had in those before it was
   * read. Such a number stays until that is so, over as many starts as it takes.
   */
  readonly heldFrom?: readonly number[];
}

export type Layouts = Readonly<Record<string, KnownLayout>>;

interface Written {
  readonly version: number;
  readonly topics: Layouts;
}

const VERSION = 1;

export class KnownLayouts {
  readonly #file: string;
  readonly #disk: Disk;
  #topics: Layouts;
  /** Each change writes the whole file. */
  readonly #turns = new InTurn();

  private constructor(file: string, disk: Disk, topics: Layouts) {
    this.#file = file;
    this.#disk = disk;
    this.#topics = topics;
  }

  /** Throws QUEUE_CORRUPT where the file cannot be read. */
  static async open(file: string, disk: Disk = nodeDisk): Promise<KnownLayouts> {
    return new KnownLayouts(file, disk, (await read(file, disk)) ?? {});
  }

  get topics(): Layouts {
    return this.#topics;
  }

  of(topic: string): KnownLayout | undefined {
    return Object.hasOwn(this.#topics, topic) ? this.#topics[topic] : undefined;
  }

  /** Durable when it resolves. `heldFrom`: partitions from this one on are held back from now on. */
  note(topic: string, { partitions, firstPartitions }: TopicLayout, heldFrom?: number): Promise<void> {
    return this.#change(topic, (known) => ({
      partitions,
      firstPartitions,
      heldFrom: [...(known?.heldFrom ?? []), ...(heldFrom === undefined ? [] : [heldFrom])],
    }));
  }

  /** As `note` does, of a topic that has been noted. */
  hold(topic: string, heldFrom: number): Promise<void> {
    return this.#change(topic, (known) => known && { ...known, heldFrom: [...(known.heldFrom ?? []), heldFrom] });
  }

  /** They are not held back any more; durable when it resolves. */
  release(topic: string, heldFrom: number): Promise<void> {
    return this.#change(
      topic,
      (known) => known && { ...known, heldFrom: (known.heldFrom ?? []).filter((from) => from !== heldFrom) },
    );
  }

  #change(topic: string, change: (known: KnownLayout | undefined) => KnownLayout | undefined): Promise<void> {
    return this.#turns.run(async () => {
      const known = this.of(topic);
      const changed = change(known);
      if (changed === undefined) return;
      const { heldFrom = [], ...layout } = changed;
      const sorted = [...new Set(heldFrom)].sort((a, b) => a - b);
      const next: KnownLayout = sorted.length === 0 ? layout : { ...layout, heldFrom: sorted };
      if (isDeepStrictEqual(known, next)) return;
      const topics = { ...this.#topics, [topic]: next };
      const written: Written = { version: VERSION, topics };
      await replaceFile(this.#disk, this.#file, Buffer.from(`${JSON.stringify(written)}\n`));
      this.#topics = topics;
    });
  }
}

async function read(file: string, disk: Disk): Promise<Layouts | undefined> {
  const text = (await readWhole(disk, file))?.toString('utf8');
  if (text === undefined) return undefined;
  try {
    const { version, topics }: Written = JSON.parse(text);
    if (version === VERSION) return { ...topics };
  } catch {
    // Said below.
  }
  throw new SpillwayError(
    'QUEUE_CORRUPT',
    `${file} cannot be read, or is of a newer version: remove it. The next start needs the queue then, and writes it again.`,
    { details: { path: file } },
  );
}
