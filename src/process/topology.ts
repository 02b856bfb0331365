/**
 * The topology: the stages that a record of `raw` passes on its way to `events`. It is validated as a whole before
 * anything runs. The first stage is `parse`, with everything it can detect where the configuration does not say so.
 * A parser writes the event as JSON straight away; it is only read back where there are stages that look at it.
 */
import Value from 'typebox/value';
import type { StoredEvent } from '../event/event.ts';
import { messageOf, SpillwayError } from '../lib/errors.ts';
import { suggest } from '../lib/suggest.ts';
import { Draft } from './draft.ts';
import type { RawRecord } from './record.ts';
import type { EventStage, RecordStage } from './stages/stage.ts';
import { isStageKind, STAGES, type Stage } from './stages/stages.ts';

/** A record that a rule took. */
export interface Dropped {
  readonly rule: string;
}

export interface Topology {
  /** The JSON of the event that the record becomes, or the rule that dropped it. Throws STAGE_FAILED. */
  run(record: RawRecord): string | Dropped;
}

const DEFAULT_TOPOLOGY: readonly Stage[] = [{ stage: 'parse' }];

/** Throws CONFIG_INVALID, naming the stage. `config` is the configuration's `topology`. */
export function createTopology(config: readonly unknown[] = []): Topology {
  const stages = config.map(validate);
  const all = stages[0]?.stage === 'parse' ? stages : [...DEFAULT_TOPOLOGY, ...stages];
  const offset = all.length - stages.length;
  const compiled = all.map((stage, i) => compile(stage, `${stage.stage} ${i - offset + 1}`));
  const [parser, ...rest] = compiled;
  const events = rest.filter((stage) => stage.of === 'event');
  if (parser?.of !== 'record' || events.length < rest.length) {
    throw new SpillwayError('CONFIG_INVALID', 'topology: `parse` can only be the first stage, and only once.');
  }
  return new CompiledTopology(parser, events);
}

function validate(config: unknown, index: number): Stage {
  const place = `topology.${index}`;
  const name: unknown = config !== null && typeof config === 'object' && 'stage' in config ? config.stage : undefined;
  if (typeof name !== 'string' || !isStageKind(name)) {
    const meant = typeof name === 'string' ? suggest(name, Object.keys(STAGES)) : undefined;
    const hint = meant === undefined ? `One of ${Object.keys(STAGES).join(', ')}.` : `Did you mean ${meant}?`;
    throw new SpillwayError('CONFIG_INVALID', `${place}: there is no stage ${JSON.stringify(name)}. ${hint}`);
  }
  const { schema } = STAGES[name];
  const [error] = Value.Errors(schema, config);
  if (error !== undefined) {
    throw new SpillwayError('CONFIG_INVALID', `${place} (${name})${error.instancePath} ${error.message}.`);
  }
  return Value.Parse(schema, config) as Stage;
}

function compile(stage: Stage, place: string): RecordStage | EventStage {
  switch (stage.stage) {
    case 'parse':
      return STAGES.parse.compile(stage, place);
    case 'filter':
      return STAGES.filter.compile(stage, place);
    case 'redact':
      return STAGES.redact.compile(stage, place);
  }
}

class CompiledTopology implements Topology {
  readonly #parser: RecordStage;
  readonly #stages: readonly EventStage[];

  constructor(parser: RecordStage, stages: readonly EventStage[]) {
    this.#parser = parser;
    this.#stages = stages;
  }

  run(record: RawRecord): string | Dropped {
    const draft = new Draft(record);
    this.#parser.parse(draft);
    const json = draft.print();
    return this.#stages.length === 0 ? json : this.#evaluate(json);
  }

  #evaluate(json: string): string | Dropped {
    const parsed: StoredEvent = JSON.parse(json);
    let event = parsed;
    for (const stage of this.#stages) {
      const result = evaluate(stage, event);
      if (result === undefined) return { rule: stage.rule };
      event = result;
    }
    return event === parsed ? json : JSON.stringify(event);
  }
}

function evaluate(stage: EventStage, event: StoredEvent): StoredEvent | undefined {
  try {
    return stage.evaluate(event);
  } catch (cause) {
    throw new SpillwayError('STAGE_FAILED', `The stage ${stage.rule} failed: ${messageOf(cause)}`, { cause });
  }
}
