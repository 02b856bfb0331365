/** Mistakes that the simulator must find. Each replaces a text that its file has exactly once. */

export interface Mistake {
  readonly name: string;
  /** From the root of the repository. */
  readonly file: string;
  readonly target: string;
  readonly replacement: string;
}

const ACTIVE_SEGMENT = 'src/queue/segment-log/active-segment.ts';

export const MISTAKES: readonly Mistake[] = [
  {
    name: 'an append is acknowledged before its sync',
    file: ACTIVE_SEGMENT,
    target: 'await this.#file.dataSync();',
    replacement: 'this.#file.dataSync().catch(() => undefined);',
  },
  {
    name: 'the directory is not synced when a segment is begun',
    file: ACTIVE_SEGMENT,
    target: 'await disk.syncDirectory(folder);',
    replacement: '',
  },
  {
    name: 'a segment is cut where it is corrupt',
    file: 'src/queue/segment-log/classify.ts',
    target: 'scan.bad.find((range) => range.from >= durableTo)',
    replacement: 'scan.bad[0]',
  },
  {
    // The simulated processor follows src/process/partition.ts; the queue itself has no output to be ahead of.
    name: 'a position is committed before its output is durable',
    file: 'test/simulator/maker.ts',
    target: 'const reached = this.#reached;',
    replacement: 'const reached = this.#position;',
  },
  {
    name: 'a segment is named one offset too far at a roll',
    file: ACTIVE_SEGMENT,
    target: 'segmentName(nextOffset, this.#name.epoch)',
    replacement: 'segmentName(nextOffset + 1, this.#name.epoch)',
  },
  {
    name: 'a sync that failed is tried again',
    file: ACTIVE_SEGMENT,
    target: "throw this.#stopped('could not be synced', cause);",
    replacement: "await this.#file.dataSync().catch(() => { throw this.#stopped('could not be synced', cause); });",
  },
  {
    name: 'a commit is answered before it is durable',
    file: 'src/queue/segment-log/coordinator-file.ts',
    target: 'const state = copyState(this.#next);',
    replacement:
      'const state = copyState(this.#next); this.#durable = state; for (const change of changes) change.done();',
  },
  {
    name: 'a writer does not look whether it still is the owner',
    file: 'src/queue/segment-log/partition-writer.ts',
    target: 'await written;\n    if (this.#ownership.isLost()) throw fenced(this, this.#ownership.epoch);',
    replacement: 'await written;',
  },
  {
    name: 'recovery believes what is in the page cache',
    file: 'src/queue/segment-log/recover.ts',
    target: 'await writeFully(file, [bytes], from);',
    replacement: '',
  },
  {
    name: 'readers read past the durable mark',
    file: 'src/queue/segment-log/partition-view.ts',
    target: 'end: mark.endOffset };',
    replacement: 'end: mark.endOffset + 1 };',
  },
  {
    name: 'retention takes the segment that a required group is reading',
    file: 'src/queue/segment-log/retention.ts',
    target: 'next.base > requiredOffset',
    replacement: 'segment.base > requiredOffset',
  },
  {
    name: 'an older claim goes on although a newer one is there',
    file: 'src/queue/segment-log/owner.ts',
    target: 'for (const name of older) await removeIfThere(disk, join(folder, name));',
    replacement: '',
  },
  {
    name: 'a commit of an old generation is accepted',
    file: 'src/queue/segment-log/coordinator.ts',
    target: 'if (group === undefined || !group.isHeld(at, generation)) throw',
    replacement: 'if (group?.holderOf(at) === undefined) throw',
  },
  {
    name: 'an added partition is assigned before its barrier is passed',
    file: 'src/queue/segment-log/topic-partitions.ts',
    target: 'if (barrier.some((end, partition) => (known(partition)?.committed ?? 0) < end)) return first;',
    replacement: '',
  },
  {
    name: 'a partition is granted before its assignee has released it',
    file: 'src/queue/segment-log/consumer-group.ts',
    target: "holding.state = 'revoked';",
    replacement: 'this.#holdings.delete(key);',
  },
  {
    // The simulated collector follows src/collect/growth.ts.
    name: 'a barrier does not wait for what was under way when sources moved',
    file: 'test/simulator/collector.ts',
    target: 'await Promise.all(before);',
    replacement: '',
  },
  {
    name: 'generations begin again after a start',
    file: 'src/queue/segment-log/coordinator.ts',
    target: 'const generation = (known?.generation ?? this.#floorOf(group.name)) + 1;',
    replacement: 'const generation = (group.holderOf(grant.at)?.generation ?? 0) + 1;',
  },
];
