/**
 * What must hold after a crash, whatever the disk lost: a model in memory of what was tried and what was acknowledged,
 * checked against the log that is opened on the disk as it was found.
 */

import { MemoryDisk } from '../../lib/memory-disk.ts';
import type { Keep } from '../../lib/memory-disk-crash.ts';
import type { PartitionWriter } from '../port.ts';
import { readAll, TestMember, values } from '../test-records.ts';
import { openTestLog, type TestLog } from './test-log.ts';

export const AT = { topic: 'raw', partition: 0 };
const GROUP = 'store';

export class CrashModel {
  /** Every value, in the order of the appends. */
  readonly tried: string[] = [];
  /** By offset. */
  readonly acknowledged = new Map<number, string>();
  /** Commits, in order; what is found is the last durable one or one after it. */
  readonly triedCommits: number[] = [];
  durableCommits = 0;
  newestEpoch = 0;

  async append(writer: PartitionWriter, texts: readonly string[]): Promise<void> {
    this.tried.push(...texts);
    const { baseOffset } = await writer.append(values(...texts));
    for (const [i, text] of texts.entries()) this.acknowledged.set(baseOffset + i, text);
  }

  /** Groups of several appends, rolls, commits, retention and a takeover, until the power goes or it is done. */
  async work(disk: MemoryDisk, name: string): Promise<'done' | 'cut'> {
    // Time flies, so that every heartbeat finds the partition at rest.
    let nowMs = 0;
    const clock = {
      now: () => {
        nowMs += 10_000;
        return nowMs;
      },
    };
    const log = await openTestLog({ disk, segmentBytes: 700, clock }).catch(() => undefined);
    if (log === undefined) return 'cut';
    try {
      for (let takeover = 0; takeover < 2; takeover++) await this.#turn(log, `${name}.${takeover}`);
      await log.close();
      return 'done';
    } catch {
      disk.cutPower();
      await log.close().catch(() => undefined);
      return 'cut';
    }
  }

  async #turn(log: TestLog, name: string): Promise<void> {
    const writer = await log.queue.openWriter(AT);
    this.newestEpoch = Math.max(this.newestEpoch, log.marks.get(AT)?.epoch ?? 0);
    const member = await TestMember.join(log.queue, GROUP);
    for (let round = 0; round < 4; round++) {
      const append = (size: number) => {
        const texts = Array.from({ length: size }, (_, i) => `${name}.${round}.${size}.${i}.${'x'.repeat(20 * size)}`);
        return this.append(writer, texts);
      };
      const first = Promise.allSettled([append(1), append(2)]);
      // The first group is being written when the second one arrives.
      for (let turn = 0; turn < 3; turn++) await Promise.resolve();
      const settled = [...(await Promise.allSettled([append(3), append(2)])), ...(await first)];
      const failed = settled.find((result) => result.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
      await log.queue.heartbeat();
      const commit = writer.nextOffset - 1;
      this.triedCommits.push(commit);
      await member.commit(AT, commit);
      this.durableCommits = this.triedCommits.length;
    }
  }

  /** Opens the log on what the crash left; throws, with what is wrong, where a promise was broken. */
  async check(disk: MemoryDisk): Promise<void> {
    const log = await openTestLog({ disk, segmentBytes: 700 });
    const member = await TestMember.join(log.queue, GROUP);
    this.#checkCommit(await member.committed(AT));
    const writer = await log.queue.openWriter(AT);
    const epoch = log.marks.get(AT)?.epoch ?? 0;
    if (epoch <= this.newestEpoch) throw new Error(`epoch ${epoch} was given before`);
    this.newestEpoch = epoch;
    const reader = log.queue.openReader(AT);
    const found = await readAll(reader, 0);
    if (log.corrupt.length > 0) throw new Error(`corruption was reported: ${JSON.stringify(log.corrupt)}`);
    this.#checkRecords(found);
    await this.append(writer, ['after the crash']);
    const [last] = (await readAll(reader, writer.nextOffset - 1)).slice(-1);
    if (last?.value !== 'after the crash') throw new Error('what was appended after the crash is not read');
    // From here on the model knows what there is: what was not acknowledged and not found will never come back.
    this.tried.length = 0;
    for (const { offset: at, value } of [...found, last]) {
      this.tried.push(value);
      this.acknowledged.set(at, value);
    }
    await log.close();
  }

  #checkRecords(found: readonly { offset: number; value: string }[]): void {
    const at = new Map(found.map((record) => [record.offset, record.value]));
    for (const [known, text] of this.acknowledged) {
      if (at.get(known) !== text) throw new Error(`${known} was acknowledged as ${text} and is ${at.get(known)}`);
    }
    // One writer, one group under way: what is found is the beginning of what was tried.
    for (const [i, { value }] of found.entries()) {
      if (value !== this.tried[i]) throw new Error(`record ${i} is ${value}, tried was ${this.tried[i]}`);
    }
  }

  #checkCommit(found: number | undefined): void {
    const possible = this.triedCommits.slice(Math.max(0, this.durableCommits - 1));
    if (found === undefined ? this.durableCommits > 0 : !possible.includes(found)) {
      throw new Error(`${found} is committed, it must be one of ${possible.join(', ')}`);
    }
  }
}

/** Crashes after so many operations, and checks what is left; the number of operations that there were. */
export async function crashAt(operation: number, when: 'before' | 'after', keep: Keep): Promise<number> {
  const model = new CrashModel();
  const disk = new MemoryDisk({ fault: ({ number }) => (number === operation ? { crash: when } : undefined) });
  await model.work(disk, 'first');
  await model.check(disk.afterCrash(keep));
  return disk.operations;
}
