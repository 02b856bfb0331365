/**
 * What a stage is. Stages are a discriminated union by `stage`, one file a kind with its schema and what it does;
 * stages.ts has the table of them. `parse` makes the event; every later stage gets an event and answers with one.
 */
import type { TSchema } from 'typebox';
import type { StoredEvent } from '../../event/event.ts';
import type { Draft } from '../draft.ts';

/** Makes an event of a record. */
export interface RecordStage {
  readonly of: 'record';
  parse(draft: Draft): void;
}

/** Answers with the same event, another one, or undefined where the stage's rule drops it. */
export interface EventStage {
  readonly of: 'event';
  /** What the ledger calls it. */
  readonly rule: string;
  evaluate(event: StoredEvent): StoredEvent | undefined;
}

export interface StageDefinition<Options> {
  readonly schema: TSchema;
  /** `place` names the stage in messages and in the ledger, such as `filter 1`. Throws CONFIG_INVALID. */
  compile(options: Options, place: string): RecordStage | EventStage;
}
