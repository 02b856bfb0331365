/** All that the collector has of the topics that users create: their writers, and the input that produces to them. */
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { TopicAdmin } from '../../queue/created/topic-admin.ts';
import type { Queue } from '../../queue/port.ts';
import type { Authenticate } from '../inputs/http/plugin.ts';
import { TopicsInput } from '../inputs/topics/plugin.ts';
import { ProduceKeys } from '../inputs/topics/produce-keys.ts';
import type { InputContext } from '../outlets.ts';
import { ProduceMemory } from './produce-memory.ts';
import { TopicWriters } from './topic-writers.ts';

export interface TopicsOptions {
  readonly context: InputContext;
  readonly queue: Queue;
  readonly admin: TopicAdmin;
  readonly authenticate: Authenticate;
  readonly clock: Clock;
  readonly log: Logger;
  readonly keysFile: string | undefined;
}

export interface Topics {
  readonly writers: TopicWriters;
  readonly input: TopicsInput;
  /** When the input is closed. */
  close(): Promise<void>;
}

export async function openTopics(options: TopicsOptions): Promise<Topics> {
  const { context, queue, admin, authenticate, clock, log, keysFile: file } = options;
  const { limits } = context;
  const keys = new ProduceKeys(clock, limits);
  const fromMs = clock.now() - limits.idempotencyTtlMs;
  const memory = await ProduceMemory.open({ keys, queue, fromMs, limits, log, file });
  const writers = new TopicWriters({ queue, admin, log, onOpened: (writer) => memory.recall(writer) });
  const onAppended: ConstructorParameters<typeof TopicsInput>[0]['onAppended'] = (at, where) =>
    memory.appended(at, where);
  const input = new TopicsInput({ context, authenticate, writers, keys, onAppended });
  writers.begin();
  return {
    writers,
    input,
    close: async () => {
      await writers.close();
      await memory.close();
    },
  };
}
