import type { TopicPartition } from './port.ts';

/** What a partition is called, in sentences and as a key. */
export const placeOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;
