/**
 * The `next` of a search: a place between two events, and the range that the first page resolved, so that `now` stays
 * where it was and pages do not shift while data arrives. It carries a digest of the question and is refused with
 * another one. It is not secret and gives no access: the tenant is bound apart from it.
 */
import { createHash } from 'node:crypto';
import { SpillwayError } from '../lib/errors.ts';
import type { Cursor } from '../search/port.ts';
import { EARLIEST_MS, LATEST_MS } from './time.ts';

export interface PageCursor {
  readonly fromMs: number;
  readonly toMs: number;
  readonly after: Cursor;
}

/** What a cursor belongs to, as it was written. */
export type CursorOwner = readonly (string | number)[];

const VERSION = 1;

export function writeCursor(cursor: PageCursor, owner: CursorOwner): string {
  const { fromMs, toMs, after } = cursor;
  const content = JSON.stringify([VERSION, digest(owner), fromMs, toMs, after.timestampMs, after.id]);
  return Buffer.from(content).toString('base64url');
}

/** Throws CURSOR_INVALID. */
export function readCursor(text: string, owner: CursorOwner): PageCursor {
  const [version, belongsTo, fromMs, toMs, timestampMs, id, ...rest] = contentOf(text);
  if (
    version !== VERSION ||
    !isTime(fromMs) ||
    !isTime(toMs) ||
    !isTime(timestampMs) ||
    typeof id !== 'string' ||
    rest.length > 0
  ) {
    throw invalid('`after` is not the `next` of an answer.');
  }
  if (belongsTo !== digest(owner)) {
    throw invalid('`after` belongs to another search: keep q, from, to and order as they were on the first page.');
  }
  return { fromMs, toMs, after: { timestampMs, id } };
}

function contentOf(text: string): readonly unknown[] {
  try {
    const content: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    return Array.isArray(content) ? content : [];
  } catch {
    return [];
  }
}

const isTime = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= EARLIEST_MS && Number(value) <= LATEST_MS;

function digest(owner: CursorOwner): string {
  return createHash('sha256').update(JSON.stringify(owner)).digest('base64url').slice(0, 16);
}

const invalid = (message: string): SpillwayError =>
  new SpillwayError('CURSOR_INVALID', message, { details: { parameter: 'after' } });
