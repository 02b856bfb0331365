/** What one event costs, from bench/results. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
export const ROLES = ['collector', 'processor', 'store'] as const;
export type Role = (typeof ROLES)[number];

/** CPU in us of one core, and bytes, of one event. */
export interface Measured {
  readonly one: {
    readonly cpuUs: number;
    readonly queueBytes: number;
    readonly indexBytes: number;
    readonly perS: number;
  };
  readonly cpuUs: Readonly<Record<Role | 'Kafka' | 'OpenSearch', number>>;
  /** Of that, what the one thread takes that runs JavaScript. */
  readonly mainThreadUs: Readonly<Record<Role, number>>;
  readonly memoryMib: Readonly<Record<Role, number>>;
  readonly queueBytes: number;
  /** Merged to one segment a shard, and as it lies after the load. */
  readonly indexBytes: number;
  readonly unmergedIndexBytes: number;
  /** How the costs beside Kafka and OpenSearch were measured. */
  readonly how: string;
  /** Through the network once, without the copies that brokers and nodes make of each other. */
  readonly wireBytes: number;
}

interface Result {
  readonly value: number;
  readonly rows: Readonly<Record<string, { readonly value: number }>>;
  readonly notes: readonly string[];
}

export function readMeasured(): Measured {
  const [cost, through, disk] = [resultOf('cost'), resultOf('socket-to-search'), resultOf('disk')];
  const ofRoles = (name: (role: Role) => string): Record<Role, number> => ({
    collector: row(cost, name('collector')),
    processor: row(cost, name('processor')),
    store: row(cost, name('store')),
  });
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return {
    one: {
      cpuUs: sum(ROLES.map((role) => row(through, `CPU of the ${role}`))),
      queueBytes: row(disk, 'raw (queue)') + row(disk, 'events (queue)'),
      indexBytes: disk.value,
      perS: through.value,
    },
    cpuUs: {
      ...ofRoles((role) => `CPU of ${role}`),
      Kafka: row(cost, 'CPU of Kafka'),
      OpenSearch: row(cost, 'CPU of OpenSearch'),
    },
    mainThreadUs: ofRoles((role) => `CPU of ${role}, its main thread`),
    memoryMib: ofRoles((role) => `memory of the ${role}`),
    how: cost.notes[0] ?? '',
    queueBytes: row(cost, 'raw in Kafka, one copy') + row(cost, 'events in Kafka, one copy'),
    indexBytes: row(cost, 'index in OpenSearch, one copy'),
    unmergedIndexBytes: row(cost, 'index in OpenSearch, one copy, before the merge'),
    wireBytes: sum(ROLES.flatMap((role) => [row(cost, `read by the ${role}`), row(cost, `written by the ${role}`)])),
  };
}

function resultOf(bench: string): Result {
  return JSON.parse(readFileSync(join(ROOT, `bench/results/${bench}.json`), 'utf8')) as Result;
}

function row({ rows }: Result, name: string): number {
  const value = rows[name]?.value;
  if (value === undefined) throw new Error(`bench/results has no '${name}' any more`);
  return value;
}
