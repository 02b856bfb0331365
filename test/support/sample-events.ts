/** Events for tests that need some. */
import type { JsonObject, Level, StoredEvent } from '../../src/event/event.ts';

export interface SampleOptions {
  readonly tenant?: string;
  readonly timestamp: number;
  readonly message?: string;
  readonly level?: Level;
  readonly app?: string;
  readonly payload?: JsonObject;
}

/** The event of offset `number` of `raw` partition 0. */
export function sampleEvent(number: number, options: SampleOptions): StoredEvent {
  const {
    tenant = 'default',
    timestamp,
    message = `message ${number}`,
    level = 'info',
    app = 'web',
    payload = {},
  } = options;
  return {
    id: `local.raw.0.${number}.0`,
    tenant,
    timestamp,
    received: timestamp,
    type: 'log',
    source: `${app}:host-1`,
    level,
    message,
    metadata: { app, host: 'host-1' },
    payload: { number, ...payload },
  };
}
