/** What the front door needs of the topics that users create; the collector has it, which writes them. */

import type { CreatedTopic, TopicRetention } from '../../queue/created/catalogue.ts';
import { ownedName } from '../../queue/created/owned-names.ts';
import type { TopicAdmin } from '../../queue/created/topic-admin.ts';
import type { Queue, TopicPartition } from '../../queue/port.ts';

export interface UserTopics {
  readonly admin: TopicAdmin;
  readonly queue: Pick<Queue, 'openReader' | 'joinGroup'>;
  /** Of a topic that says nothing else. */
  readonly retention: TopicRetention;
  /** By its name in the queue. Throws NOT_FOUND. */
  topic(name: string): Promise<CreatedTopic>;
  /** Resolves when somebody writes it, so that its end is known. Throws NOT_FOUND. */
  open(at: TopicPartition): Promise<unknown>;
  /** Resolves when nobody here writes it any more. */
  closed(name: string): Promise<void>;
}

/** Topics and groups as they are called in the queue. */
export const owned = (tenant: string, name: string): string => ownedName({ tenant, name });
