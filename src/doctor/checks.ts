/** All checks, in the order in which they are shown: first this machine, then the engines. */
import type { Check } from './check.ts';
import { access } from './checks/access.ts';
import { clock } from './checks/clock.ts';
import { dataFolder } from './checks/data-folder.ts';
import { diskSpace } from './checks/disk-space.ts';
import { diskSync } from './checks/disk-sync.ts';
import { embeddedSearch } from './checks/embedded-search.ts';
import { encryption } from './checks/encryption.ts';
import { kafkaBrokers } from './checks/kafka-brokers.ts';
import { kafkaClock } from './checks/kafka-clock.ts';
import { kafkaDisk } from './checks/kafka-disk.ts';
import { kafkaRights } from './checks/kafka-rights.ts';
import { kafkaTopics } from './checks/kafka-topics.ts';
import { kafkaVersion } from './checks/kafka-version.ts';
import { memory } from './checks/memory.ts';
import { openFiles } from './checks/open-files.ts';
import { openSearchClock } from './checks/opensearch-clock.ts';
import { openSearchDisk } from './checks/opensearch-disk.ts';
import { openSearchHealth } from './checks/opensearch-health.ts';
import { openSearchNodes } from './checks/opensearch-nodes.ts';
import { openSearchRights } from './checks/opensearch-rights.ts';
import { openSearchSettings } from './checks/opensearch-settings.ts';
import { openSearchShards } from './checks/opensearch-shards.ts';
import { openSearchSlices } from './checks/opensearch-slices.ts';
import { ports } from './checks/ports.ts';
import { queueFolder } from './checks/queue-folder.ts';
import { running } from './checks/running.ts';
import { topology } from './checks/topology.ts';

export const CHECK_NAMES = [
  'running',
  'topology',
  'access',
  'ports',
  'open-files',
  'memory',
  'clock',
  'data-folder',
  'disk-space',
  'disk-sync',
  'queue-folder',
  'encryption',
  'kafka-brokers',
  'kafka-version',
  'kafka-topics',
  'kafka-rights',
  'kafka-disk',
  'kafka-clock',
  'embedded-search',
  'opensearch-nodes',
  'opensearch-health',
  'opensearch-disk',
  'opensearch-shards',
  'opensearch-slices',
  'opensearch-settings',
  'opensearch-rights',
  'opensearch-clock',
] as const;

export type CheckName = (typeof CHECK_NAMES)[number];

export const CHECKS: Readonly<Record<CheckName, Check>> = {
  running,
  topology,
  access,
  ports,
  'open-files': openFiles,
  memory,
  clock,
  'data-folder': dataFolder,
  'disk-space': diskSpace,
  'disk-sync': diskSync,
  'queue-folder': queueFolder,
  encryption,
  'kafka-brokers': kafkaBrokers,
  'kafka-version': kafkaVersion,
  'kafka-topics': kafkaTopics,
  'kafka-rights': kafkaRights,
  'kafka-disk': kafkaDisk,
  'kafka-clock': kafkaClock,
  'embedded-search': embeddedSearch,
  'opensearch-nodes': openSearchNodes,
  'opensearch-health': openSearchHealth,
  'opensearch-disk': openSearchDisk,
  'opensearch-shards': openSearchShards,
  'opensearch-slices': openSearchSlices,
  'opensearch-settings': openSearchSettings,
  'opensearch-rights': openSearchRights,
  'opensearch-clock': openSearchClock,
};
