/** What the marks of the schema cannot say of the queue's options. */
import type { Problem } from './problem.ts';
import type { Config } from './schema.ts';
import type { Written } from './together.ts';

export function queueProblems({ queue }: Config, written: Written): Problem[] {
  const { engine, replication, minInsyncReplicas } = queue;
  if (engine !== 'kafka' || minInsyncReplicas <= replication) return [];
  const places = ['queue.minInsyncReplicas', 'queue.replication'].map((option) => written.get(option)?.where);
  const what =
    `queue.minInsyncReplicas is ${minInsyncReplicas}, but there are only ${replication} replicas ` +
    '(queue.replication): nothing could ever be acknowledged.';
  return [{ where: places.find((where) => where !== undefined && where !== 'default') ?? 'default', what }];
}
