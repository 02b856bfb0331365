import type { Config } from '../config/schema.ts';
import { DEAD_LETTER_PARTITIONS } from '../event/dead-letter.ts';
import { GROUPS, TOPICS } from '../event/topics.ts';
import type { TopicOptions } from '../queue/segment-log/queue.ts';

/** The embedded queue's topics: `raw` as it came, `events` compressed, dead letters with one partition per role. */
export function topicsOf(config: Config): Record<string, TopicOptions> {
  const { partitions, retentionMs, maxSizeBytes } = config.queue;
  const retention = { maxAgeMs: retentionMs, maxBytes: maxSizeBytes };
  return {
    [TOPICS.raw]: { partitions, compression: 'none', retention, requiredGroups: [GROUPS.processor] },
    [TOPICS.events]: { partitions, compression: 'zstd', retention, requiredGroups: [GROUPS.store] },
    [TOPICS.deadLetter]: { partitions: Object.keys(DEAD_LETTER_PARTITIONS).length, compression: 'none', retention },
  };
}
