/** What the address of a request that produces says beside the topic. */
import { SpillwayError } from '../../../lib/errors.ts';
import { TOPIC_LIMITS } from '../../../lib/limits.ts';

export interface ProduceQuery {
  /** Of records that have none. */
  readonly key?: string;
  readonly partition?: number;
}

/** Throws UNKNOWN_PARAMETER, BAD_REQUEST. */
export function produceQuery(query: unknown): ProduceQuery {
  const { key, partition, ...others } = Object.assign(Object.create(null), query);
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) {
    throw new SpillwayError(
      'UNKNOWN_PARAMETER',
      `There is no parameter "${unknown.slice(0, 64)}". Known are: key, partition.`,
      {
        details: { parameter: unknown.slice(0, 64) },
      },
    );
  }
  if (key !== undefined && (typeof key !== 'string' || Buffer.byteLength(key) > TOPIC_LIMITS.keyBytes)) {
    throw wrong('key', `is one text of up to ${TOPIC_LIMITS.keyBytes} bytes`);
  }
  if (partition !== undefined && (typeof partition !== 'string' || !/^\d{1,4}$/.test(partition))) {
    throw wrong('partition', 'is a number from 0');
  }
  return {
    ...(key === undefined ? {} : { key }),
    ...(partition === undefined ? {} : { partition: Number(partition) }),
  };
}

function wrong(parameter: string, what: string): SpillwayError {
  return new SpillwayError('BAD_REQUEST', `The parameter ${parameter} ${what}.`, { details: { parameter } });
}
