/** What a reader knows about a partition: its segments, and from where to where it may be read. */
import { join } from 'node:path';
import type { Disk, DiskFile } from '../../lib/disk.ts';
import { fileSize, listOrNone } from '../../lib/disk-files.ts';
import type { TopicPartition } from '../port.ts';
import { type Chain, chainOf } from './chain.ts';
import { classify } from './classify.ts';
import { readDurablePoint } from './durable-point.ts';
import type { MarkBoard } from './marks.ts';
import { scanSegment } from './scan.ts';

export interface ViewOptions {
  readonly at: TopicPartition;
  readonly folder: string;
  readonly disk: Disk;
  readonly marks: MarkBoard;
  /**
   * No writer runs anywhere: without a mark, whatever is whole counts as durable. Otherwise, without a mark, the
   * partition ends where the folder itself proves that it was durable.
   */
  readonly offline: boolean;
}

export interface Range {
  readonly earliest: number;
  readonly end: number;
}

export class PartitionView {
  readonly #options: ViewOptions;
  #chain: Chain = { segments: [] };
  #epoch = -1;
  #offlineEnd: { name: string; sizeBytes: number; end: number } | undefined;

  constructor(options: ViewOptions) {
    this.#options = options;
  }

  get chain(): Chain {
    return this.#chain;
  }

  /** Looks into the folder again where its owner has changed since. */
  async range(): Promise<Range> {
    const mark = this.#options.marks.get(this.#options.at);
    if (mark === undefined) return this.#unmarkedRange();
    if (mark.epoch !== this.#epoch) {
      await this.refresh();
      this.#epoch = mark.epoch;
    }
    return { earliest: mark.earliestOffset, end: mark.endOffset };
  }

  async refresh(): Promise<void> {
    this.#chain = chainOf(await listOrNone(this.#options.disk, this.#options.folder));
  }

  open(name: string): Promise<DiskFile> {
    return this.#options.disk.open(join(this.#options.folder, name), 'read');
  }

  async #unmarkedRange(): Promise<Range> {
    await this.refresh();
    const { segments } = this.#chain;
    const earliest = segments[0]?.base ?? 0;
    const last = segments.at(-1);
    const durable = await readDurablePoint(this.#options.disk, this.#options.folder);
    const proven = Math.max(await this.#provenBase(), durable?.nextOffset ?? 0);
    if (last === undefined || !this.#options.offline) return { earliest, end: proven };
    return { earliest, end: Math.max(proven, await this.#scannedEnd(last.name)) };
  }

  /**
   * A segment begins only after everything before it is durable. Its name may not be, as long as it is empty; then, if
   * a torn tail was cut before it, another owner may give the offsets in between again.
   */
  async #provenBase(): Promise<number> {
    const [before, last] = [this.#chain.segments.at(-2), this.#chain.segments.at(-1)];
    if (last === undefined || before?.wasTorn !== true) return last?.base ?? 0;
    const sizeBytes = await fileSize(this.#options.disk, join(this.#options.folder, last.name));
    return (sizeBytes ?? 0) > 0 ? last.base : before.base;
  }

  async #scannedEnd(name: string): Promise<number> {
    const segment = this.#chain.segments.at(-1);
    if (segment?.name !== name) return 0;
    const file = await this.open(name);
    try {
      const sizeBytes = await file.sizeBytes();
      const known = this.#offlineEnd;
      if (known?.name === name && known.sizeBytes === sizeBytes) return known.end;
      const scan = await scanSegment(file, segment, sizeBytes);
      const torn = classify(scan, undefined).tornFrom !== undefined;
      const end = torn
        ? (scan.bad.find((range) => range.from >= scan.lastGroupStart)?.fromOffset ?? 0)
        : scan.nextOffset;
      this.#offlineEnd = { name, sizeBytes, end };
      return end;
    } finally {
      await file.close();
    }
  }
}
