/** What is left of a file of the memory disk when the power goes. */

/** A change since the last sync. */
export type Change =
  | { readonly position: number; readonly bytes: Buffer }
  /** Cut or extended to this. */
  | { readonly sizeBytes: number };

/** Decides what a crash leaves of what was not synced. */
export interface Keep {
  /** Of `count` changes of names in a directory, the first so many are kept. */
  names(count: number): number;
  /** Which parts of a write, `[from, to)` each, reached the disk. The file has become as long as the last one needs. */
  written(lengthBytes: number): readonly (readonly [from: number, to: number])[];
  /** Whether a change of the length was kept. */
  resized(): boolean;
}

export const keepNothing: Keep = { names: () => 0, written: () => [], resized: () => false };

export const keepEverything: Keep = {
  names: (count) => count,
  written: (lengthBytes) => [[0, lengthBytes]],
  resized: () => true,
};

/** Every write up to this byte of it; names are kept. */
export function keepBytes(bytes: number): Keep {
  return { ...keepEverything, written: (lengthBytes) => [[0, Math.min(bytes, lengthBytes)]] };
}

const SECTOR_BYTES = 512;

/** Any sectors of any write, in any order, and the first names of each directory. `random` is in [0, 1). */
export function keepAtRandom(random: () => number): Keep {
  return {
    names: (count) => Math.floor(random() * (count + 1)),
    resized: () => random() < 0.5,
    written(lengthBytes) {
      const mood = random();
      if (mood < 0.2) return [];
      if (mood < 0.4) return [[0, Math.floor(random() * (lengthBytes + 1))]];
      const parts: [number, number][] = [];
      for (let from = 0; from < lengthBytes; from += SECTOR_BYTES) {
        if (random() < mood) parts.push([from, Math.min(from + SECTOR_BYTES, lengthBytes)]);
      }
      return parts;
    },
  };
}

export function crashedContent(durable: Buffer, changes: readonly Change[], keep: Keep): Buffer {
  let content: Buffer = Buffer.from(durable);
  for (const change of changes) {
    if ('sizeBytes' in change) {
      if (keep.resized()) content = sized(content, change.sizeBytes);
      continue;
    }
    for (const [from, to] of keep.written(change.bytes.length)) {
      content = sized(content, Math.max(content.length, change.position + to));
      content.set(change.bytes.subarray(from, to), change.position + from);
    }
  }
  return content;
}

function sized(content: Buffer, sizeBytes: number): Buffer {
  if (content.length === sizeBytes) return content;
  const changed = Buffer.alloc(sizeBytes);
  content.copy(changed, 0, 0, Math.min(content.length, sizeBytes));
  return changed;
}
