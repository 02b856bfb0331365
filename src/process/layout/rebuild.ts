/**
 * Gives back the bytes that were sent from a stored event. The layout says how: `m` the message is all of it, `L…` a
 * line (line.ts), `J…` a JSON line (json.ts). Where no layout can, the event has `original`. Rebuilding needs neither
 * the order of the payload's members nor how its numbers were written: a search engine keeps neither.
 */
import type { StoredEvent } from '../../event/event.ts';
import { rebuildJson } from './json.ts';
import { rebuildLine } from './line.ts';

export const TEXT_LAYOUT = 'm';
/** Begins the original of what was not valid UTF-8. */
export const BASE64_PREFIX = 'base64:';

/** Undefined where the event has neither a layout that fits it nor an original (as after a redaction). */
export function rebuild(event: StoredEvent): Buffer | undefined {
  const { original, layout } = event;
  if (original !== undefined) {
    if (original.startsWith(BASE64_PREFIX)) return Buffer.from(original.slice(BASE64_PREFIX.length), 'base64');
    return Buffer.from(original);
  }
  const text = layout === undefined ? undefined : rebuildText(event, layout);
  return text === undefined ? undefined : Buffer.from(text);
}

function rebuildText(event: StoredEvent, layout: string): string | undefined {
  switch (layout[0]) {
    case TEXT_LAYOUT:
      return event.message;
    case 'L':
      return rebuildLine(event, layout.slice(1));
    case 'J':
      return rebuildJson(event, layout.slice(1));
    default:
      return undefined;
  }
}
