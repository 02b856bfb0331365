/** An event with a number of its own, received at so many milliseconds after `sinceMs`. */
import type { StoredEvent } from '../../event/event.ts';

export function numberedEvent(sinceMs: number, number: number, more: Partial<StoredEvent> = {}): StoredEvent {
  return {
    id: `local.raw.0.${number}.0`,
    tenant: 'default',
    timestamp: sinceMs + number,
    received: sinceMs + number,
    type: 'log',
    source: 'app:host',
    message: `event ${number}`,
    metadata: { app: 'app' },
    payload: { number },
    ...more,
  };
}
