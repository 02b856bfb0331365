/** The coordinator's file: one line of JSON after one line with its CRC-32C in hexadecimal. */
import { crc32c } from '@node-rs/crc32';
import { SpillwayError } from '../../lib/errors.ts';

export interface CoordinatorState {
  readonly version: 1;
  /** The newest epoch, by `topic/partition`. */
  readonly epochs: Record<string, number>;
  readonly groups: Record<string, { generation: number; committed: Record<string, number> }>;
}

/** Without prototypes: names of topics and groups are keys. */
export function emptyState(): CoordinatorState {
  return { version: 1, epochs: Object.create(null), groups: Object.create(null) };
}

export function printState(state: CoordinatorState): Buffer {
  const body = Buffer.from(`${JSON.stringify(state)}\n`);
  return Buffer.concat([Buffer.from(`${checksum(body)}\n`), body]);
}

export function parseState(bytes: Buffer, path: string): CoordinatorState {
  const body = bytes.subarray(9);
  if (bytes.toString('latin1', 0, 9) !== `${checksum(body)}\n`) {
    throw new SpillwayError(
      'QUEUE_CORRUPT',
      `${path} does not match its checksum. Put a copy from a backup there, or remove it: then every consumer group ` +
        'begins at the oldest record again.',
      { details: { path } },
    );
  }
  return copyState(JSON.parse(body.toString('utf8')));
}

export function copyState(from: CoordinatorState): CoordinatorState {
  const state = emptyState();
  Object.assign(state.epochs, from.epochs);
  for (const [group, { generation, committed }] of Object.entries(from.groups)) {
    state.groups[group] = { generation, committed: Object.assign(Object.create(null), committed) };
  }
  return state;
}

function checksum(body: Buffer): string {
  return crc32c(body).toString(16).padStart(8, '0');
}
