/** Ids as the numbers they are made of: events with equal times sort by them. */
import { parseOrigin } from '../event/origin.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export interface IdNumbers {
  /** Empty for a UUID, as is the topic. */
  readonly site: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly index: bigint;
}

export function isUuid(id: string): boolean {
  return UUID.test(id);
}

/** A UUID as two unsigned numbers of 64 bits, which sort as it does. */
export function uuidHalves(uuid: string): readonly [bigint, bigint] {
  const hex = uuid.replaceAll('-', '');
  return [BigInt(`0x${hex.slice(0, 16)}`), BigInt(`0x${hex.slice(16)}`)];
}

/** The numbers of a printed id, as engines hold them; undefined where it is neither an origin nor a UUID. */
export function idNumbers(id: string): IdNumbers | undefined {
  if (isUuid(id)) {
    const [offset, index] = uuidHalves(id);
    return { site: '', topic: '', partition: 0, offset, index };
  }
  const origin = parseOrigin(id);
  if (origin === undefined || origin.partition > 0xffff) return undefined;
  return { ...origin, offset: BigInt(origin.offset), index: BigInt(origin.index) };
}

export function printId({ site, topic, partition, offset, index }: IdNumbers): string {
  if (site !== '') return `${site}.${topic}.${partition}.${offset}.${index}`;
  const hex = offset.toString(16).padStart(16, '0') + index.toString(16).padStart(16, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
