/** A segment log for tests: its coordinator and marks in one place, opened again as after a restart. */
import { pino } from 'pino';
import type { Registry } from 'prom-client';
import type { Clock } from '../../lib/clock.ts';
import type { Disk } from '../../lib/disk.ts';
import type { Logger } from '../../lib/log.ts';
import type { CorruptRange } from '../port.ts';
import { LocalCoordinator } from './coordinator.ts';
import { MarkBoard } from './marks.ts';
import { openSegmentLog, type SegmentLogOptions, type SegmentLogQueue } from './queue.ts';

export interface TestLogOptions {
  readonly disk: Disk;
  readonly directory?: string;
  readonly segmentBytes?: number;
  readonly clock?: Clock;
  readonly registry?: Registry;
  readonly topics?: SegmentLogOptions['topics'];
  readonly requiredOffset?: NonNullable<SegmentLogOptions['requiredOffset']>;
}

export interface TestLog {
  /** The one that is open now. */
  readonly queue: SegmentLogQueue;
  readonly coordinator: LocalCoordinator;
  readonly marks: MarkBoard;
  readonly disk: Disk;
  /** Lines that were logged at warn and above. */
  readonly logged: LoggedLine[];
  readonly corrupt: CorruptRange[];
  /** Another process's queue on the same folder: with its own board. */
  elsewhere(marks: MarkBoard, offline?: boolean): SegmentLogQueue;
  reopen(): Promise<SegmentLogQueue>;
  close(): Promise<void>;
}

export interface LoggedLine {
  readonly level: number;
  readonly msg: string;
  readonly [member: string]: unknown;
}

const TOPICS = {
  raw: { partitions: 2, compression: 'none' },
  events: { partitions: 2, compression: 'zstd' },
} as const;

export function recordingLog(logged: LoggedLine[]): Logger {
  return pino({ level: 'warn' }, { write: (line: string) => void logged.push(JSON.parse(line)) });
}

export async function openTestLog(options: TestLogOptions): Promise<TestLog> {
  const { disk, directory = '/queue', topics = TOPICS } = options;
  const logged: LoggedLine[] = [];
  const corrupt: CorruptRange[] = [];
  const log = recordingLog(logged);
  const clock = options.clock === undefined ? {} : { clock: options.clock };
  let coordinator = await LocalCoordinator.open({ directory, disk, log, ...clock });
  let marks = new MarkBoard();
  const open = (board: MarkBoard, offline: boolean) =>
    openSegmentLog({
      directory,
      topics,
      coordinator,
      marks: board,
      log,
      disk,
      offline,
      ...(options.segmentBytes === undefined ? {} : { segmentBytes: options.segmentBytes }),
      ...(options.registry === undefined ? {} : { registry: options.registry }),
      ...clock,
      ...(options.requiredOffset === undefined ? {} : { requiredOffset: options.requiredOffset }),
      onCorrupt: (_, range) => void corrupt.push(range),
    });
  let queue = open(marks, false);
  return {
    get queue() {
      return queue;
    },
    get coordinator() {
      return coordinator;
    },
    get marks() {
      return marks;
    },
    disk,
    logged,
    corrupt,
    elsewhere: (board, offline = false) => open(board, offline),
    async reopen() {
      await queue.close();
      await coordinator.close();
      coordinator = await LocalCoordinator.open({ directory, disk, log, ...clock });
      marks = new MarkBoard();
      queue = open(marks, false);
      return queue;
    },
    async close() {
      await queue.close();
      await coordinator.close();
    },
  };
}
