/** What the address of a request that produces says beside the topic. */
import { SpillwayError } from '../../../lib/errors.ts';
import { TOPIC_LIMITS } from '../../../lib/limits.ts';
import { bytesOfBase64Url } from './base64.ts';

const KEY_ENCODINGS = ['text', 'base64'];

export interface ProduceQuery {
  /** Of records that have none. */
  readonly key?: Buffer;
  readonly partition?: number;
}

/** Throws UNKNOWN_PARAMETER, BAD_REQUEST. */
export function produceQuery(query: unknown): ProduceQuery {
  const { key, keyEncoding = 'text', partition, ...others } = Object.assign(Object.create(null), query);
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) {
    throw new SpillwayError(
      'UNKNOWN_PARAMETER',
      `There is no parameter "${unknown.slice(0, 64)}". Known are: key, keyEncoding, partition.`,
      {
        details: { parameter: unknown.slice(0, 64) },
      },
    );
  }
  if (!KEY_ENCODINGS.includes(keyEncoding)) throw wrong('keyEncoding', `is one of ${KEY_ENCODINGS.join(', ')}`);
  const bytes = key === undefined ? undefined : bytesOfKey(key, keyEncoding);
  if (partition !== undefined && (typeof partition !== 'string' || !/^\d{1,4}$/.test(partition))) {
    throw wrong('partition', 'is a number from 0');
  }
  return {
    ...(bytes === undefined ? {} : { key: bytes }),
    ...(partition === undefined ? {} : { partition: Number(partition) }),
  };
}

function bytesOfKey(key: unknown, encoding: string): Buffer {
  const bytes = typeof key !== 'string' ? undefined : encoding === 'text' ? Buffer.from(key) : bytesOfBase64Url(key);
  if (bytes !== undefined && bytes.length <= TOPIC_LIMITS.keyBytes) return bytes;
  throw wrong('key', `is one ${encoding} of up to ${TOPIC_LIMITS.keyBytes} bytes`);
}

function wrong(parameter: string, what: string): SpillwayError {
  return new SpillwayError('BAD_REQUEST', `The parameter ${parameter} ${what}.`, { details: { parameter } });
}
