/**
 * Seeded, realistic log traffic: 40 hosts run 30 apps, a few of which make most of the noise; requests to 240 paths
 * with their status, level and duration, a unique request id and trace id each, over six hours and slightly out of
 * order. A rare word stands in 250 of them and a common one in 2 %. Each event has two forms: a line of RFC 5424 with
 * structured data (about 330 bytes) and one of NDJSON (about 356).
 */

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Random } from './random.ts';
import * as words from './words.ts';

export const RARE_WORD = 'quasarfault';
export const COMMON_WORD = 'deadline';
const RARE_EVENTS = 250;
const COMMON_SHARE = 0.02;
const SPAN_MS = 6 * 3_600_000;
const DISORDER_MS = 2_000;
const FACILITY_LOCAL0 = 16 * 8;
const SEVERITIES = { error: 3, warn: 4, info: 6, debug: 7 } as const;
const WRITE_EVENTS = 2_000;

export interface EventsOptions {
  readonly count: number;
  readonly seed: number;
  /** Epoch ms of the first event; they spread over the six hours from there. */
  readonly startMs: number;
  readonly spanMs?: number;
}

export interface GeneratedEvent {
  readonly timestampMs: number;
  readonly requestId: string;
  /** Both without a line feed. */
  readonly syslog: string;
  readonly ndjson: string;
}

type Level = keyof typeof SEVERITIES;

export function* generateEvents(options: EventsOptions): Generator<GeneratedEvent> {
  const { count, startMs, spanMs = SPAN_MS } = options;
  const random = new Random(options.seed);
  const paths = words.zipf(random.shuffle(words.PATHS), 0.9);
  const apps = words.zipf(random.shuffle(words.APPS), 0.6);
  const rare = rareEvents(random, count);
  for (let i = 0; i < count; i++) {
    const timestampMs = startMs + Math.floor((spanMs * i) / count) - random.below(DISORDER_MS);
    const time = new Date(timestampMs).toISOString();
    const app = words.draw(apps, random.unit());
    const team = words.TEAM_OF.get(app) ?? '';
    const host = random.pick(words.HOSTS);
    const path = words.draw(paths, random.unit());
    const status = statusOf(random);
    const level = levelOf(random, status);
    const duration = durationOf(random);
    const message =
      words.sentence(random, { path, status, duration }) +
      (random.unit() < COMMON_SHARE ? ` ${COMMON_WORD} exceeded` : '') +
      (rare.has(i) ? ` ${RARE_WORD} detected` : '');
    const requestId = random.hex8() + random.hex8();
    const traceId = random.hex8() + random.hex8() + random.hex8() + random.hex8();
    yield {
      timestampMs,
      requestId,
      syslog:
        `<${FACILITY_LOCAL0 + SEVERITIES[level]}>1 ${time} ${host} ${app} ${1_000 + random.below(9_000)} REQ ` +
        `[c@1 team="${team}" level="${level}" status="${status}" path="${path}" duration_ms="${duration}" ` +
        `request_id="${requestId}" trace_id="${traceId}"] ${message}`,
      ndjson:
        `{"_time":"${time}","_msg":"${message}","host":"${host}","app":"${app}","team":"${team}","level":"${level}",` +
        `"status":${status},"path":"${path}","duration_ms":${duration},"request_id":"${requestId}","trace_id":"${traceId}"}`,
    };
  }
}

export interface EventsMeta extends EventsOptions {
  readonly syslogBytes: number;
  readonly ndjsonBytes: number;
  /** The request id of the event in the middle. */
  readonly needle: string;
}

/** Writes FOLDER/syslog.log, events.ndjson and meta.json. */
export async function writeEvents(folder: string, options: EventsOptions): Promise<EventsMeta> {
  await mkdir(folder, { recursive: true });
  const syslog = createWriteStream(join(folder, 'syslog.log'));
  const ndjson = createWriteStream(join(folder, 'events.ndjson'));
  let needle = '';
  let index = 0;
  let lines: GeneratedEvent[] = [];
  const flush = async (): Promise<void> => {
    for (const [stream, form] of [
      [syslog, 'syslog'],
      [ndjson, 'ndjson'],
    ] as const) {
      if (!stream.write(lines.map((event) => `${event[form]}\n`).join(''))) await once(stream, 'drain');
    }
    lines = [];
  };
  for (const event of generateEvents(options)) {
    if (index++ === Math.floor(options.count / 2)) needle = event.requestId;
    lines.push(event);
    if (lines.length === WRITE_EVENTS) await flush();
  }
  await flush();
  await Promise.all([syslog, ndjson].map((stream) => new Promise((resolve) => stream.end(resolve))));
  const meta = { ...options, syslogBytes: syslog.bytesWritten, ndjsonBytes: ndjson.bytesWritten, needle };
  await writeFile(join(folder, 'meta.json'), `${JSON.stringify(meta)}\n`);
  return meta;
}

function rareEvents(random: Random, count: number): ReadonlySet<number> {
  const rare = new Set<number>();
  while (rare.size < Math.min(RARE_EVENTS, count)) rare.add(random.below(count));
  return rare;
}

function statusOf(random: Random): number {
  const draw = random.unit();
  if (draw < 0.8) return 200;
  if (draw < 0.85) return 201;
  if (draw < 0.9) return 304;
  if (draw < 0.94) return 404;
  if (draw < 0.97) return 429;
  return draw < 0.99 ? 500 : 503;
}

function levelOf(random: Random, status: number): Level {
  if (status >= 500) return 'error';
  if (status === 429 || random.unit() < 0.02) return 'warn';
  return random.unit() < 0.08 ? 'debug' : 'info';
}

/** Milliseconds: most around 40, a few up to 5 s. */
function durationOf(random: Random): number {
  if (random.unit() >= 0.97) return Math.round(5_000 + random.unit() * 45_000) / 10;
  return Math.floor(-40 * Math.log(1 - random.unit()) * 10 + 3) / 10;
}
