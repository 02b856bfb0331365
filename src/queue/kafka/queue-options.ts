/** What a queue on Kafka is made with, and the topics that it has for itself. */
import type { Registry } from 'prom-client';
import type { BatchCompression } from '../../event/record-batch.ts';
import type { SpillwayError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import type { CorruptRange, TopicPartition } from '../port.ts';
import type { KafkaOptions } from './options.ts';
import type { RetentionPolicy } from './retention.ts';

export type Writers = 'one' | 'many';

export interface KafkaTopicOptions {
  /** At least so many; there may be more. */
  readonly partitions: number;
  /** For whoever builds batches; Kafka stores what it gets. */
  readonly compression: BatchCompression;
  /** `many`: several processes append to a partition, and none fences another. */
  readonly writers: Writers | ((partition: number) => Writers);
  /** Of the whole topic; nothing is removed where it is absent. */
  readonly retention?: RetentionPolicy;
  /** Groups that must have committed past a record before it may go. */
  readonly requiredGroups?: readonly string[];
}

/** What is known of a queue when it is asked whether it may grow. */
export interface GrowingQueue {
  partitionCount(topic: string): number;
  memberCount(group: string): Promise<number>;
  /** Who may append, where several processes do. */
  readonly appenderCount: number;
}

/** The topics that are meant, as whoever opens the queue has noted them before. */
export interface KnownTopics {
  /** Kafka's ids by Kafka's names. */
  readonly ids: Readonly<Record<string, string>>;
  /** Says why these, which are not there or are others now, cannot be gone on with. */
  readonly refusal: (others: readonly string[]) => SpillwayError;
}

export interface KafkaQueueOptions extends KafkaOptions {
  /** Begins the names of topics, groups and takeovers, so that installations can share a cluster. */
  readonly prefix: string;
  readonly topics: Readonly<Record<string, KafkaTopicOptions>>;
  /** Of all who use the queue; not looked at where it is left out. */
  readonly site?: string;
  /** Whether it says the site of topics of an earlier version; it does where this is left out. */
  readonly mayNameSite?: boolean;
  readonly replication: number;
  readonly minInsyncReplicas: number;
  readonly log: Logger;
  /** Where these are not there nothing is made or read: it is another cluster, or somebody removed them. */
  readonly known?: KnownTopics;
  /**
   * Whether topics that are there may have partitions added, where more are configured; they may where it is left out.
   * Topics that are not there are made in any case.
   */
  readonly mayGrow?: (queue: GrowingQueue) => boolean | Promise<boolean>;
  /** A folder that is this process's alone: members of groups are noted there (member-note.ts). */
  readonly notes?: string;
  /** For the queue's figures; without it they are kept and not shown. */
  readonly registry?: Registry;
  readonly heartbeatMs?: number;
  /** For how long brokers keep what a silent member of a group has; as they do by themselves where it is left out. */
  readonly sessionMs?: number;
  readonly layoutMs?: number;
  /** How often brokers are reminded who writes a partition of one writer. */
  readonly renewMs?: number;
  /**
   * Of a process that appends to a topic of `many` writers whose sources move when partitions are added (moves.ts). It
   * says `mapsTo()` before it opens a writer, and `registerBarrier()` when it has moved.
   */
  readonly appends?: {
    readonly topic: string;
    /** Of this process, and no other's ever. */
    readonly id: string;
    /** Of the process before it in the same place, which has ended. */
    readonly before?: string | undefined;
  };
  /** Called for what a reader passes over because it cannot be read: for metrics and alerts. */
  readonly onCorrupt?: (at: TopicPartition, range: CorruptRange) => void;
}

/** The topic of what all that use the queue agree on (queue-record.ts). */
export const CONTROL_TOPIC = 'control';
/** What process trees tell each other of the ledger. */
export const LEDGER_TOPIC = 'ledger';
/** What users created: their topics have a tenant and a dot before their names. */
export const CATALOGUE_TOPIC = 'topics';
/** Topics of one partition that the queue has for itself, beside those that it is told of. */
export const OWN_TOPICS = [CONTROL_TOPIC, CATALOGUE_TOPIC, LEDGER_TOPIC] as const;
