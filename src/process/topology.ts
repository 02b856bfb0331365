/** The topology: what happens to a record of `raw` on its way to `events`. */
import type { StoredEvent } from '../event/event.ts';
import type { RawRecord } from './record.ts';

export interface Topology {
  /** The event that the record becomes, or the name of the rule that dropped it. Throws where a stage fails. */
  run(record: RawRecord): StoredEvent | string;
}

export function createTopology(): Topology {
  return { run: textEvent };
}

function textEvent(record: RawRecord): StoredEvent {
  const { meta, receivedMs, id } = record;
  const { team, app, host } = meta;
  return {
    id,
    tenant: meta.tenant,
    timestamp: receivedMs,
    received: receivedMs,
    type: 'log',
    source: app !== undefined && host !== undefined ? `${app}:${host}` : (app ?? host ?? meta.input),
    message: record.bytes.toString('utf8', record.start, record.end),
    metadata: { ...(team && { team }), ...(app && { app }), ...(host && { host }) },
    payload: {},
  };
}
