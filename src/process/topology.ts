/** The topology: what happens to a record of `raw` on its way to `events`. */
import { Draft } from './draft.ts';
import { DETECTIONS } from './parse/detect.ts';
import { Parser } from './parse/parser.ts';
import type { RawRecord } from './record.ts';

/** A record that a rule took. */
export interface Dropped {
  readonly rule: string;
}

export interface Topology {
  /** The JSON of the event that the record becomes, or the rule that dropped it. Throws where a stage fails. */
  run(record: RawRecord): string | Dropped;
}

export function createTopology(): Topology {
  const parser = new Parser(DETECTIONS);
  return {
    run(record) {
      const draft = new Draft(record);
      parser.parse(draft);
      return draft.print();
    },
  };
}
