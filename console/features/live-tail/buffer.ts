/**
 * What live tail holds: rows in sight and rows that wait while the person reads. Both are bounded, and what falls out
 * of the waiting ones is counted, so that the list never claims to be whole when it is not. Pure.
 */
import type { AnsweredEvent } from '../../../src/api/schemas/index.ts';

export interface LiveRows {
  /** Newest first. */
  readonly shown: readonly AnsweredEvent[];
  /** Newest first; not in sight while the list is held. */
  readonly waiting: readonly AnsweredEvent[];
  /** Waiting rows that fell out. */
  readonly skipped: number;
}

export const SHOWN_ROWS = 2_000;
export const WAITING_ROWS = 2_000;
export const NO_ROWS: LiveRows = { shown: [], waiting: [], skipped: 0 };

/** `arrived` is in the order of arrival; an event that is there already (the list was seeded by a search) is left out. */
export function addRows(rows: LiveRows, arrived: readonly AnsweredEvent[], held: boolean): LiveRows {
  const known = new Set([...rows.shown, ...rows.waiting].map((event) => event.id));
  const fresh = arrived.filter((event) => !known.has(event.id)).toReversed();
  if (fresh.length === 0) return rows;
  const waiting = [...fresh, ...rows.waiting];
  const kept = {
    ...rows,
    waiting: waiting.slice(0, WAITING_ROWS),
    skipped: rows.skipped + Math.max(0, waiting.length - WAITING_ROWS),
  };
  return held ? kept : releaseRows(kept);
}

/** Brings the waiting rows into sight. */
export function releaseRows(rows: LiveRows): LiveRows {
  if (rows.waiting.length === 0 && rows.skipped === 0) return rows;
  return { shown: [...rows.waiting, ...rows.shown].slice(0, SHOWN_ROWS), waiting: [], skipped: 0 };
}

/** Without those that are from before, and came before: what arrives late is seen although it is old. */
export function expireRows(rows: LiveRows, fromMs: number): LiveRows {
  const stays = ({ timestamp, received }: AnsweredEvent) =>
    Date.parse(timestamp) >= fromMs || Date.parse(received) >= fromMs;
  return rows.shown.every(stays) ? rows : { ...rows, shown: rows.shown.filter(stays) };
}
