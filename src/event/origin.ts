/**
 * An origin says who first wrote a record, and its number there. It is made once and kept through replay, restart and
 * mirror; its printed form is the event's id: `site.topic.partition.offset.index`, such as `local.raw.2.1042.0`.
 * Events with the same timestamp sort by origin, by its numbers.
 */
export interface Origin {
  readonly site: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** The event's number within its record, from 0. */
  readonly index: number;
}

/** Numbers as they are printed, without leading zeros: two texts are never one id. */
const PRINTED = /^([a-z0-9_-]{1,32})\.([a-z0-9_-]{1,64})\.(0|[1-9]\d{0,4})\.(0|[1-9]\d{0,15})\.(0|[1-9]\d{0,6})$/;

export function printOrigin(origin: Origin): string {
  return `${origin.site}.${origin.topic}.${origin.partition}.${origin.offset}.${origin.index}`;
}

/** Undefined where the text is not a printed origin. */
export function parseOrigin(text: string): Origin | undefined {
  const match = PRINTED.exec(text);
  if (match === null) return undefined;
  const [, site = '', topic = '', partition, offset, index] = match;
  if (!Number.isSafeInteger(Number(offset))) return undefined;
  return { site, topic, partition: Number(partition), offset: Number(offset), index: Number(index) };
}

export function compareOrigins(a: Origin, b: Origin): number {
  if (a.site !== b.site) return a.site < b.site ? -1 : 1;
  if (a.topic !== b.topic) return a.topic < b.topic ? -1 : 1;
  return a.partition - b.partition || a.offset - b.offset || a.index - b.index;
}
