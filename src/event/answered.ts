import type { AnsweredEvent, JsonValue, StoredEvent } from './event.ts';

/** The sent bytes of an event that has a layout, as text; undefined where they cannot be rebuilt. */
export type RebuildOriginal = (event: StoredEvent) => string | undefined;

/** A stored event as an answer shows it: the payload as it was sent, times in ISO 8601, no internal members. */
export function answeredEvent(event: StoredEvent, rebuild: RebuildOriginal): AnsweredEvent {
  const original = event.original ?? (event.layout === undefined ? undefined : rebuild(event));
  return {
    id: event.id,
    tenant: event.tenant,
    timestamp: new Date(event.timestamp).toISOString(),
    received: new Date(event.received).toISOString(),
    type: event.type,
    source: event.source,
    ...(event.level === undefined ? {} : { level: event.level }),
    ...(event.message === undefined ? {} : { message: event.message }),
    ...(original === undefined ? {} : { original }),
    tags: event.tags ?? [],
    metadata: event.metadata,
    payload: event.exact === undefined ? event.payload : exactPayload(event.exact, event.payload),
  };
}

/**
 * `exact` was valid JSON when the normaliser wrote it down; a reader must not fail on one that is not. Numbers that a
 * double cannot hold keep their digits: JSON.stringify prints them as they were sent.
 */
function exactPayload(text: string, normalised: JsonValue): JsonValue {
  try {
    return JSON.parse(text, (_key, value: JsonValue, context?: { readonly source?: string }) => {
      if (typeof value !== 'number' || context?.source === undefined || String(value) === context.source) return value;
      return Number.isSafeInteger(value) ? value : rawJson(context.source);
    });
  } catch {
    return normalised;
  }
}

/** JSON.rawJSON (ECMA-262, "JSON.parse source text access"), which TypeScript's library does not know yet. */
function rawJson(source: string): JsonValue {
  const { rawJSON } = JSON as { readonly rawJSON?: (text: string) => JsonValue };
  return rawJSON === undefined ? Number(source) : rawJSON(source);
}
