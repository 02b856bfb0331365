/** The records of `events` that the events of bench/load/events.ts become, but for how their text is rebuilt. */
import type { EventsOptions } from './events.ts';
import { generateEvents } from './events.ts';

export function* storedEvents(options: EventsOptions): Generator<Buffer> {
  let offset = 0;
  for (const { timestampMs, ndjson } of generateEvents(options)) {
    const { _msg: message, host, app, team, level, _time, ...payload } = JSON.parse(ndjson) as Record<string, unknown>;
    yield Buffer.from(
      JSON.stringify({
        id: `local.raw.0.${offset++}.0`,
        tenant: 'default',
        timestamp: timestampMs,
        received: timestampMs + 5,
        type: 'log',
        source: `${app}:${host}`,
        level,
        message,
        metadata: { team, app, host, facility: 'local0', severity: 'info', procid: '4711', msgid: 'REQ' },
        payload,
      }),
    );
  }
}
