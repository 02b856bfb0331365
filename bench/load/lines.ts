/** Syslog lines of one exact length, for benchmarks that state one. */
import { generateEvents } from './events.ts';

const PADDING = ' and nothing else of note happened while this was being looked at by anybody';

/** About `bytes` bytes of RFC 5424 lines that have `lineBytes` each, line feed included. */
export function exactLines(bytes: number, lineBytes: number): Buffer {
  const count = Math.max(1, Math.floor(bytes / lineBytes));
  const lines = Buffer.alloc(count * lineBytes);
  let at = 0;
  for (const { syslog } of generateEvents({ count, seed: 7, startMs: Date.now(), spanMs: 60_000 })) {
    const padded = syslog + PADDING.repeat(Math.ceil(Math.max(0, lineBytes - syslog.length) / PADDING.length));
    lines.write(`${padded.slice(0, lineBytes - 1)}\n`, at, 'latin1');
    at += lineBytes;
  }
  return lines;
}
