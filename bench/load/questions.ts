/** The six usual questions over the events of events.ts: how the front door is asked, and what an answer says. */
import { median } from '../harness.ts';
import { COMMON_WORD, type EventsMeta, generateEvents, RARE_WORD } from './events.ts';
import { EVERYTHING } from './loaded-spillway.ts';

export const QUESTION_NAMES = [
  'histogram by level',
  'rare word, newest 100',
  'count of a common word',
  'top 10 of path',
  'one request id',
  'p95 of duration by app',
] as const;
export type QuestionName = (typeof QUESTION_NAMES)[number];

/** What an answer says, whoever gives it: all must say the same. */
export type Rows = readonly (readonly unknown[])[];

/** Members of the answers to the questions below. */
interface Answer {
  readonly buckets: readonly { readonly time: string; readonly by: Readonly<Record<string, number>> }[];
  readonly events: readonly { readonly timestamp: string; readonly message: string }[];
  readonly count: number;
  readonly values: readonly { readonly value: string; readonly count: number }[];
  readonly rows: readonly { readonly by: readonly string[]; readonly value: number }[];
}

/** A part of the events, by their times in epoch ms. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

const iso = (ms: number): string => new Date(ms).toISOString();
const rangeOf = (span: Span | undefined): string =>
  span === undefined ? EVERYTHING : `from=${iso(span.fromMs)}&to=${iso(span.toMs)}`;

interface FrontDoorQuestion {
  /** `id` is another request id each time; the range of time comes behind. */
  readonly path: (id: string) => string;
  readonly rows: (answer: Answer) => Rows;
}

/** Time and message alone: the rest has other names elsewhere. */
const eventRows = ({ events }: Answer): Rows =>
  events.map(({ timestamp, message }) => [Date.parse(timestamp), message]);

const FRONT_DOOR: Readonly<Record<QuestionName, FrontDoorQuestion>> = {
  'histogram by level': {
    path: () => `/api/histogram?q=*&interval=5m&by=level`,
    rows: ({ buckets }) =>
      buckets.flatMap(({ time, by }) => Object.entries(by).map(([level, n]) => [Date.parse(time), level, n])),
  },
  'rare word, newest 100': {
    path: () => `/api/search?q=${RARE_WORD}&limit=100`,
    rows: eventRows,
  },
  'count of a common word': {
    path: () => `/api/count?q=${COMMON_WORD}`,
    rows: ({ count }) => [[count]],
  },
  'top 10 of path': {
    path: () => `/api/values?q=*&field=path&limit=10`,
    rows: ({ values }) => values.map(({ value, count }) => [value, count]),
  },
  'one request id': {
    path: (id) => `/api/search?q=request_id:${id}`,
    rows: eventRows,
  },
  'p95 of duration by app': {
    path: () => `/api/stats?q=*&fn=p95&of=duration_ms&by=app`,
    rows: ({ rows }) => rows.map(({ by: [app], value }) => [app, value]),
  },
};

/**
 * How far numbers may be apart, as a share of them. Which events meet in which digest differs from run to run; and the
 * right answer is 155 ms for all apps, where OpenSearch's digests say up to 165, and more of the fewer events of a third.
 */
const TOLERANCE: Partial<Record<QuestionName, number>> = { 'p95 of duration by app': 0.1 };

/** Asks one question; resolves with the answer's text once all of it is there. */
export type Asker = (name: QuestionName, id: string) => Promise<string>;

export async function fetched(url: string, init?: RequestInit): Promise<string> {
  const response = await fetch(url, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`${url}: ${response.status} ${text.slice(0, 1_000)}`);
  return text;
}

/** Of all events, or of a part. */
export const askFrontDoor =
  (url: string, span?: Span): Asker =>
  (name, id) =>
    fetched(`${url}${FRONT_DOOR[name].path(id)}&${rangeOf(span)}`);

export const frontDoorRows = (name: QuestionName, text: string): Rows => FRONT_DOOR[name].rows(JSON.parse(text));

/** So many ids are taken for so many runs of each question. */
export const idsWanted = (runs: number): number => (runs + 1) * QUESTION_NAMES.length;

/**
 * Medians in ms, by question, for each of them; one after another and in turns, so that all meet the same machine. The
 * first run of each warms up.
 */
export async function askInTurns(
  askers: readonly Asker[],
  runs: number,
  ids: string[],
): Promise<readonly Readonly<Record<QuestionName, number>>[]> {
  const medians = askers.map(() => ({}) as Record<QuestionName, number>);
  for (const name of QUESTION_NAMES) {
    const tookMs = askers.map((): number[] => []);
    for (let run = 0; run <= runs; run++) {
      const id = ids.pop() ?? '';
      // Who is asked second finds the machine warm: that is another one each time.
      const turn = [...askers.entries()];
      if (run % 2 === 0) turn.reverse();
      for (const [i, ask] of turn) {
        const startMs = performance.now();
        await ask(name, id);
        if (run > 0) tookMs[i]?.push(performance.now() - startMs);
      }
    }
    for (const [i, of] of medians.entries()) of[name] = median(tookMs[i] ?? []);
  }
  return medians;
}

/** Throws where two do not say the same, so that they were not asked the same. */
export function assertSame(name: QuestionName, one: Rows, other: Rows): void {
  const tolerance = TOLERANCE[name] ?? 0;
  const [ours, theirs] = [sorted(one), sorted(other)];
  const isSame = (row: readonly unknown[], i: number): boolean =>
    row.every((value, column) => {
      const found = theirs[i]?.[column];
      if (typeof value !== 'number' || typeof found !== 'number') return value === found;
      return Math.abs(value - found) <= tolerance * Math.abs(value);
    });
  if (ours.length > 0 && ours.length === theirs.length && ours.every(isSame)) return;
  const texts = [ours, theirs].map((rows) => JSON.stringify(rows).slice(0, 1_000));
  throw new Error(`${name}: the answers differ:\n${texts.join('\n')}`);
}

function sorted(rows: Rows): Rows {
  return rows
    .map((row) => ({ row, key: JSON.stringify(row) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ row }) => row);
}

/** Request ids from all over the events. */
export function requestIds(meta: EventsMeta, wanted: number): string[] {
  const every = Math.max(1, Math.floor(meta.count / wanted));
  const ids: string[] = [];
  let number = 0;
  for (const { requestId } of generateEvents(meta)) if (number++ % every === 0) ids.push(requestId);
  return ids;
}
