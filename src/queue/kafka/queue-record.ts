/**
 * What all that use the queue on Kafka agree on, kept in its control topic (control-log.ts): which topics are meant and
 * how they came to their partitions, what the queue is called, what stores write to and which search engines they had.
 */
import { SpillwayError } from '../../lib/errors.ts';
import type { TopicLayout } from '../port.ts';
import type { CoordinatorState, TopicRecord } from '../segment-log/coordinator-state.ts';
import { assertMayRaise, layoutOf, raisePartitions, setBarrier } from '../segment-log/topic-partitions.ts';
import { anotherSite } from '../site.ts';
import { CONTROL, ControlLog, type ControlLogOptions, type ControlState } from './control-log.ts';

export type QueueRecordOptions = Omit<ControlLogOptions<ControlState>, 'empty' | 'parse'>;

export class QueueRecord {
  readonly #control: ControlLog<ControlState>;

  constructor(options: QueueRecordOptions) {
    this.#control = new ControlLog({ ...options, ...CONTROL });
  }

  /** Reads what others have changed meanwhile. */
  async refresh(): Promise<void> {
    await this.#control.refresh();
  }

  /** As last read. */
  get state(): ControlState {
    return this.#control.state;
  }

  /** See `ControlLog.change`. */
  async change(change: (state: ControlState) => boolean): Promise<void> {
    await this.#control.change(change);
  }

  /** Kafka's ids of the topics, by our names. */
  get ids(): Readonly<Record<string, string>> {
    return this.#control.state.ids;
  }

  topic(topic: string): TopicRecord | undefined {
    return this.#control.state.topics[topic];
  }

  layout(topic: string): TopicLayout | undefined {
    const known = this.topic(topic);
    return known === undefined ? undefined : layoutOf(known);
  }

  /** By topic: how many partitions. */
  get counts(): ReadonlyMap<string, number> {
    return new Map(Object.entries(this.#control.state.topics).map(([topic, { partitions }]) => [topic, partitions]));
  }

  /** Throws where the topic cannot have so many. */
  assertMayRaise(topic: string, partitions: number): void {
    assertMayRaise(asCoordinatorState(this.#control.state), topic, partitions);
  }

  /** Each topic has at least so many partitions, and an id, from now on. What is as last read already is not read again. */
  async raise(counts: Readonly<Record<string, number>>, idOf: (topic: string) => string): Promise<void> {
    const change = (state: ControlState) => {
      let changed = false;
      for (const [topic, count] of Object.entries(counts)) {
        changed = raisePartitions(asCoordinatorState(state), topic, count) || changed;
        if (state.ids[topic] !== undefined) continue;
        state.ids[topic] = idOf(topic);
        changed = true;
      }
      return changed;
    };
    if (this.#control.wouldChange(change)) await this.#control.change(change);
  }

  async setBarrier(topic: string, ends: readonly number[]): Promise<void> {
    await this.#control.change((state) => setBarrierOf(state, topic, ends));
  }

  /** What this queue is called, for ever: as whoever asked first has proposed. */
  async name(proposed: string): Promise<string> {
    await this.#control.change((state) => {
      if (state.name !== undefined) return false;
      state.name = proposed;
      return true;
    });
    return this.#control.state.name ?? proposed;
  }

  /**
   * Whoever starts first on the queue says its site, for ever: as the order of the topic has it, where several do at once.
   * Of topics that an earlier version has made nobody says it but those who `mayName` it, as they have given their events ids.
   * `what`: the queue, for a sentence. Throws SITE_CHANGED.
   */
  async settleSite(site: string, what: string, mayName = true): Promise<void> {
    this.assertSite(site, what);
    const change = (state: ControlState) => {
      if (state.site !== undefined) return false;
      if (!mayName && Object.keys(state.topics).length > 0) return false;
      state.site = site;
      return true;
    };
    if (this.#control.wouldChange(change)) await this.#control.change(change);
    this.assertSite(site, what);
  }

  /** Throws SITE_CHANGED where another one was said, as last read. */
  assertSite(site: string, what: string): void {
    const known = this.#control.state.site;
    if (known === undefined || known === site) return;
    throw anotherSite(what, known, site, 'an installation of its own needs another queue.prefix');
  }

  /** What the group's members write to, which is one thing for all of them. Throws CONFIG_INVALID. */
  async claim(group: string, what: string, others: number): Promise<void> {
    await this.#control.change((state) => {
      const known = state.outputs?.[group];
      if (known === what) return false;
      if (known !== undefined && others > 0) throw anotherOutput(group, known, what);
      state.outputs = { ...state.outputs, [group]: what };
      return true;
    });
  }

  /** What a store has noted of the search engines of this queue, whichever store it was. */
  async readEngines(): Promise<string | undefined> {
    await this.#control.refresh();
    return this.#control.state.engines;
  }

  async writeEngines(engines: string): Promise<void> {
    await this.#control.change((state) => {
      if (state.engines === engines) return false;
      state.engines = engines;
      return true;
    });
  }
}

/** As `setBarrier` of the embedded queue's topics does. */
export const setBarrierOf = (state: ControlState, topic: string, ends: readonly number[]): boolean =>
  setBarrier(asCoordinatorState(state), topic, ends);

/** Partitions are kept as the embedded queue's coordinator keeps them. */
const asCoordinatorState = ({ topics }: ControlState): CoordinatorState => ({
  version: 2,
  epochs: {},
  groups: {},
  topics,
});

function anotherOutput(group: string, known: string, what: string): SpillwayError {
  return new SpillwayError(
    'CONFIG_INVALID',
    `Another ${group} is at work on this queue and writes to ${known}; this one would write to ${what}, and each would ` +
      'have a part of the events. Several of them need one OpenSearch (search.engine: opensearch) that all share. If the ' +
      'other one was killed just now, start this one again in a minute.',
  );
}
