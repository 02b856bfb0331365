/**
 * What is known of topics without asking the queue: how many partitions sources of this process have gone to, and how
 * many there were at first. Durable before a partition is used that is not in it, so a later start that does not reach
 * the queue takes every source to where it was.
 */
import { type Disk, nodeDisk } from '../../lib/disk.ts';
import { readWhole, replaceFile } from '../../lib/disk-files.ts';
import { SpillwayError } from '../../lib/errors.ts';
import type { TopicLayout } from '../port.ts';

export type Layouts = Readonly<Record<string, Pick<TopicLayout, 'partitions' | 'firstPartitions'>>>;

interface Written {
  readonly version: number;
  readonly topics: Layouts;
}

const VERSION = 1;

export class KnownLayouts {
  readonly #file: string;
  readonly #disk: Disk;
  #topics: Layouts;

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

  /** Durable when it resolves. */
  async note(topic: string, { partitions, firstPartitions }: TopicLayout): Promise<void> {
    const known = Object.hasOwn(this.#topics, topic) ? this.#topics[topic] : undefined;
    if (known?.partitions === partitions && known.firstPartitions === firstPartitions) return;
    const topics = { ...this.#topics, [topic]: { partitions, firstPartitions } };
    const written: Written = { version: VERSION, topics };
    await replaceFile(this.#disk, this.#file, Buffer.from(`${JSON.stringify(written)}\n`));
    this.#topics = topics;
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
