/** How many machines, processes, partitions, disks and dollars so many events a day take. */
import { ASSUMED } from './assumed.ts';
import type { Measured, Role } from './measured.ts';

export const DAY_S = 86_400;
const US_PER_S = 1e6;
const GB = 1e9;
const TB = 1e12;
export const MONTH_DAYS = 30;
/** So that one may fail. */
const LEAST_OF_A_ROLE = 2;
const LEAST_NODES = 3;
/** What `queue.partitions` is by itself. */
const LEAST_PARTITIONS = 4;

/** A role runs JavaScript in one thread, so there are more processes of it than machines. */
export interface RoleEstimate {
  readonly machines: number;
  readonly processes: number;
}

/** Of these the larger counts. */
export interface NodesEstimate {
  readonly byCpu: number;
  readonly byDisk: number;
  readonly nodes: number;
  readonly diskTb: number;
}

export interface Estimate {
  readonly perS: number;
  readonly roles: Readonly<Record<Role, RoleEstimate>>;
  /** Of `raw` and of `events`, at the least: a partition is read by one processor, and by one store. */
  readonly partitions: number;
  readonly brokers: NodesEstimate;
  readonly searchNodes: NodesEstimate;
  readonly networkGbPerDay: number;
  readonly dollars: number;
}

export function estimate(eventsPerDay: number, measured: Measured): Estimate {
  const { cpuUs, mainThreadUs, queueBytes, indexBytes, wireBytes } = measured;
  const a = ASSUMED;
  const perS = eventsPerDay / DAY_S;
  const roleOf = (role: Role, factor: number): RoleEstimate => ({
    machines: Math.max(LEAST_OF_A_ROLE, machinesByCpu(perS * factor, cpuUs[role])),
    processes: Math.max(LEAST_OF_A_ROLE, Math.ceil((perS * factor * mainThreadUs[role]) / US_PER_S / a.cpuShare)),
  });
  const roles = {
    collector: roleOf('collector', a.peak),
    processor: roleOf('processor', a.catchUp),
    store: roleOf('store', a.catchUp),
  };
  const brokers = nodesOf(
    machinesByCpu(perS * a.peak, cpuUs.Kafka * a.kafkaCopies),
    diskTbOf(eventsPerDay * a.queueDays * queueBytes * a.kafkaCopies),
    a.brokerDiskTb,
  );
  const searchNodes = nodesOf(
    machinesByCpu(perS * a.catchUp, cpuUs.OpenSearch * a.searchCopies),
    diskTbOf(eventsPerDay * a.searchDays * indexBytes * a.searchCopies),
    a.searchDiskTb,
  );
  const copies = queueBytes * (a.kafkaCopies - 1) + indexBytes * (a.searchCopies - 1);
  const networkGbPerDay = (eventsPerDay * (wireBytes + copies)) / GB;
  const { collector, processor, store } = roles;
  return {
    perS,
    roles,
    partitions: Math.max(LEAST_PARTITIONS, processor.processes, store.processes),
    brokers,
    searchNodes,
    networkGbPerDay,
    dollars:
      (collector.machines + processor.machines + store.machines + brokers.nodes) * a.machinePrice +
      searchNodes.nodes * a.searchMachinePrice +
      (brokers.diskTb + searchNodes.diskTb) * 1_000 * a.diskPricePerGb +
      networkGbPerDay * MONTH_DAYS * a.networkPricePerGb,
  };
}

/** Machines that so much work a second keeps as busy as they may be. */
export function machinesByCpu(perS: number, us: number): number {
  return Math.ceil((perS * us) / US_PER_S / (ASSUMED.cores * ASSUMED.cpuShare));
}

const diskTbOf = (bytes: number): number => bytes / ASSUMED.diskShare / TB;

function nodesOf(byCpu: number, diskTb: number, diskTbOfOne: number): NodesEstimate {
  const byDisk = Math.ceil(diskTb / diskTbOfOne);
  return { byCpu, byDisk, nodes: Math.max(LEAST_NODES, byCpu, byDisk), diskTb };
}
