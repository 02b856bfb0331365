/**
 * Creating and deleting topics while the queue is used, and what is done to groups from outside: the port, for any
 * engine. Everything is durable when it resolves. Names are those of the queue (owned-names.ts).
 */
import type { TopicPartition } from '../port.ts';
import type { Catalogue, TopicSettings } from './catalogue.ts';

export interface TopicAdmin {
  /** Of a queue that was away when this process started: resolves when it is there. Until then all else throws. */
  readonly known?: Promise<void> | undefined;
  /** As last heard. */
  readonly catalogue: Catalogue;
  /** Asks whoever keeps it. */
  refresh(): Promise<void>;
  /** Calls the listener when the catalogue has changed; the answer ends that. */
  onChange(listener: () => void): () => void;
  /** The same again changes nothing. Throws TOPIC_EXISTS, LIMIT_REACHED. */
  createTopic(name: string, settings: TopicSettings): Promise<void>;
  /** Partitions are added and never removed; the same again finishes what a crash has left half done. Throws NOT_FOUND, BAD_REQUEST, LIMIT_REACHED. */
  changeTopic(name: string, change: Partial<TopicSettings>): Promise<void>;
  /** Nobody is to use it from now on: every process closes its writers. Throws NOT_FOUND. */
  beginDeletion(name: string): Promise<void>;
  /** Removes the records and what groups have committed there; nobody here writes it any more. */
  endDeletion(name: string): Promise<void>;
  /** Before members of a group read these. Throws NOT_FOUND, LIMIT_REACHED. */
  addGroup(group: string, topics: readonly string[]): Promise<void>;
  /** With all that it has committed. Throws NOT_FOUND, GROUP_IN_USE. */
  removeGroup(group: string): Promise<void>;
  /** Where the group goes on, forwards or backwards. Throws NOT_FOUND, GROUP_IN_USE while it has members. */
  resetOffset(group: string, at: TopicPartition, position: number): Promise<void>;
}

/** The same as messages, for engines that are coordinated from another process. */
export type TopicAdminCall =
  | { readonly call: 'read' }
  | { readonly call: 'createTopic'; readonly name: string; readonly settings: TopicSettings }
  | {
      readonly call: 'changeTopic';
      readonly name: string;
      readonly change: Partial<TopicSettings>;
    }
  | { readonly call: 'beginDeletion'; readonly name: string }
  | { readonly call: 'endDeletion'; readonly name: string }
  | { readonly call: 'addGroup'; readonly group: string; readonly topics: readonly string[] }
  | { readonly call: 'removeGroup'; readonly group: string }
  | {
      readonly call: 'resetOffset';
      readonly group: string;
      readonly topic: string;
      readonly partition: number;
      readonly position: number;
    };

/** Does what a message says. */
export async function handleCall(admin: TopicAdmin, asked: TopicAdminCall): Promise<Catalogue | null> {
  switch (asked.call) {
    case 'read':
      return admin.catalogue;
    case 'createTopic':
      await admin.createTopic(asked.name, asked.settings);
      return null;
    case 'changeTopic':
      await admin.changeTopic(asked.name, asked.change);
      return null;
    case 'beginDeletion':
      await admin.beginDeletion(asked.name);
      return null;
    case 'endDeletion':
      await admin.endDeletion(asked.name);
      return null;
    case 'addGroup':
      await admin.addGroup(asked.group, asked.topics);
      return null;
    case 'removeGroup':
      await admin.removeGroup(asked.group);
      return null;
    case 'resetOffset':
      await admin.resetOffset(asked.group, asked, asked.position);
      return null;
  }
}
