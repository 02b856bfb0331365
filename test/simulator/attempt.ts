/** Calls that may be refused: which refusals are explained by what was done to the machine. */
import { systemCode } from '../../src/lib/disk-files.ts';
import { SpillwayError } from '../../src/lib/errors.ts';
import { PowerCut } from '../../src/lib/memory-disk.ts';
import { BrokenPromise } from './partition-model.ts';
import type { Process } from './process.ts';

export class Refusal {
  readonly code: string;
  readonly error: SpillwayError | undefined;

  constructor(code: string, error: SpillwayError | undefined) {
    this.code = code;
    this.error = error;
  }
}

/** What the call gives, or why it was refused; throws PowerCut where the process is dead, and what nothing explains. */
export async function attempt<T>(process: Process, what: string, call: () => Promise<T>): Promise<T | Refusal> {
  try {
    return await call();
  } catch (thrown) {
    if (process.isDead) throw new PowerCut();
    const refusal = explained(process, thrown);
    if (refusal === undefined) {
      throw thrown instanceof BrokenPromise
        ? thrown
        : new BrokenPromise(`${process.name} could not ${what}`, { cause: thrown });
    }
    process.world.trace.add(`${process.name} could not ${what}: ${refusal.code}`);
    return refusal;
  }
}

function explained({ world }: Process, thrown: unknown): Refusal | undefined {
  const error = thrown instanceof SpillwayError ? thrown : undefined;
  const code = error?.code ?? systemCode(thrown);
  switch (code) {
    case 'EIO':
    case 'QUEUE_PARTITION_STOPPED':
    // A file that cannot be read at all.
    case 'QUEUE_CORRUPT':
      return world.hadErrors ? new Refusal(code, error) : undefined;
    case 'ENOSPC':
    case 'DISK_FULL':
      return world.wasFull ? new Refusal(code, error) : undefined;
    case 'QUEUE_FENCED':
      return world.hadTakeovers ? new Refusal(code, error) : undefined;
    case 'QUEUE_OFFSET_OUT_OF_RANGE':
      return new Refusal(code, error);
    default:
      return undefined;
  }
}
