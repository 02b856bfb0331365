/** The JSON of an event as it is stored, members in the order of StoredEvent. */
import type { StoredEvent } from '../event/event.ts';

export function serialiseEvent(event: StoredEvent): string {
  return JSON.stringify(event);
}
