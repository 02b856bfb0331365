/**
 * A member of a group whose consumer asks over HTTP. It remembers which partitions are its own, and not what it has
 * handed out: reading goes on at what is committed, or at the place that the consumer names. So an answer that gets
 * lost costs nothing.
 *
 * A partition that is to move is given up as soon as everything handed out of it is committed, or the consumer reads on
 * without naming a place: by that it says that nothing of before is under way.
 */
import { messageOf, SpillwayError } from '../../../lib/errors.ts';
import { QUEUE_READ_LIMITS } from '../../../lib/limits.ts';
import type { Logger } from '../../../lib/log.ts';
import { ownedName, ownerOf } from '../../../queue/created/owned-names.ts';
import {
  type AssignedPartition,
  type GroupMember,
  offset,
  type PartitionReader,
  type TopicPartition,
} from '../../../queue/port.ts';
import type { Consumed, MemberAnswer } from '../../schemas/topics.ts';
import { HeldPartition, type Room, type StartAt } from './held-partition.ts';
import { type Position, parsePlace, printPlace } from './place.ts';

export interface ConsumerOptions {
  readonly id: string;
  readonly tenant: string;
  /** As its tenant calls it. */
  readonly group: string;
  readonly sessionMs: number;
  readonly start: StartAt;
  readonly openReader: (at: TopicPartition) => Promise<PartitionReader>;
  readonly log: Logger;
}

export interface FetchQuestion {
  readonly after: string | undefined;
  readonly limit: number;
  /** Fires when nobody waits for records any more. */
  readonly signal: AbortSignal;
}

const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

export class Consumer {
  readonly options: ConsumerOptions;
  readonly #held = new Map<string, HeldPartition>();
  #member: GroupMember | undefined;
  #silentMs = 0;
  /** Since the last call of `pass`. */
  #isHeard = true;
  #asking = 0;
  #fetching: Promise<unknown> = Promise.resolve();
  #superseded = new AbortController();
  #changed = Promise.withResolvers<void>();
  /** Partitions take turns to be the first in an answer. */
  #turn = 0;
  #isGone = false;

  constructor(options: ConsumerOptions) {
    this.options = options;
  }

  /** It is a member from now on. */
  joined(member: GroupMember): void {
    this.#member = member;
  }

  /** For `JoinOptions`. */
  readonly onAssigned = (assigned: AssignedPartition): void => {
    const key = keyOf(assigned);
    const { start, openReader } = this.options;
    const held = new HeldPartition(assigned, start, () => openReader(assigned));
    void this.#held.get(key)?.close();
    this.#held.set(key, held);
    const revoked = (): void => void this.#revoked(key, held);
    assigned.revoked.addEventListener('abort', revoked, { once: true });
    if (assigned.revoked.aborted) revoked();
    this.#tellOfChange();
  };

  /** So much time has passed since this was last called; whether the session is over. */
  pass(elapsedMs: number): boolean {
    if (this.#asking > 0) this.#isHeard = true;
    // Of the time in which it was heard, how much was before that is not known: a session is never shorter than promised.
    this.#silentMs = this.#isHeard ? 0 : this.#silentMs + elapsedMs;
    this.#isHeard = false;
    return this.#silentMs > this.options.sessionMs;
  }

  /** A request of the consumer: it is alive until that is answered, and its session begins anew. */
  async heard<T>(work: () => Promise<T>): Promise<T> {
    this.#asking++;
    try {
      return await work();
    } finally {
      this.#asking--;
      this.#isHeard = true;
    }
  }

  async describe(): Promise<MemberAnswer> {
    const { group, id, sessionMs } = this.options;
    const assigned = this.#present().map(async (held) => {
      const committed = await held.committed();
      return {
        ...calledOf(held),
        generation: held.generation,
        ...(committed === undefined ? {} : { committed }),
        revoked: held.isRevoked,
      };
    });
    return { group, member: id, sessionMs, assigned: await Promise.all(assigned) };
  }

  /** One at a time: a newer one ends the wait of an older one, whose client has most likely given up. */
  fetch(question: FetchQuestion): Promise<Consumed> {
    this.#superseded.abort();
    const superseded = new AbortController();
    this.#superseded = superseded;
    const signal = AbortSignal.any([question.signal, superseded.signal]);
    const fetching = this.#fetching.then(() => this.#fetch({ ...question, signal }));
    this.#fetching = fetching.catch(() => undefined);
    return fetching;
  }

  /** All or, where one is not this member's, none. Throws QUEUE_FENCED, BAD_REQUEST. */
  async commit(positions: readonly Position[]): Promise<void> {
    const named = positions.map((position) => ({ position, held: this.#find(position) }));
    for (const { position, held } of named) if (held === undefined) throw this.#fenced(position);
    const outcomes = await Promise.allSettled(named.map(({ held, position }) => held?.commit(position.offset)));
    for (const { held } of named) if (held?.isRevoked === true && held.isDone) await this.#release(held);
    const refused = outcomes.find((outcome) => outcome.status === 'rejected');
    if (refused !== undefined) throw this.#explained(refused.reason);
  }

  async leave(): Promise<void> {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#superseded.abort();
    this.#tellOfChange();
    await this.#member?.leave();
    await Promise.all([...this.#held.values()].map((held) => held.close()));
    this.#held.clear();
  }

  async #fetch({ after, limit, signal }: FetchQuestion): Promise<Consumed> {
    const place = new Map((after === undefined ? [] : parsePlace(after)).map((at) => [this.#keyOf(at), at]));
    if (after === undefined) {
      for (const held of this.#present()) if (held.isRevoked) await this.#release(held);
    }
    // Told of also where records come later, or none: reading goes on after it, and does not come back to it.
    const lost: NonNullable<Consumed['lost']> = [];
    for (;;) {
      const changed = this.#changed.promise;
      const reading = this.#present().filter(({ isRevoked }) => !isRevoked);
      const found = await this.#readAll(reading, place, lost, limit);
      if (found.records.length > 0 || signal.aborted || this.#isGone) return found;
      await this.#waitForRecords(reading, place, signal, changed);
    }
  }

  /** Moves the place, and adds to what is lost. */
  async #readAll(
    reading: readonly HeldPartition[],
    place: Map<string, Position>,
    lost: NonNullable<Consumed['lost']>,
    limit: number,
  ): Promise<Consumed> {
    const records: Consumed['records'] = [];
    let answerBytes: number = QUEUE_READ_LIMITS.answerBytes;
    const first = this.#turn++ % Math.max(1, reading.length);
    for (const held of [...reading.slice(first), ...reading.slice(0, first)]) {
      if (records.length >= limit || answerBytes <= 0) break;
      const room = { limit: limit - records.length, answerBytes, mayBeEmpty: records.length > 0 };
      const read = await this.#readOne(held, place, room);
      if (read === undefined) continue;
      const { from, found } = read;
      const called = calledOf(held);
      for (const record of found.records) records.push({ ...called, ...record });
      answerBytes -= found.bytes;
      for (const range of found.lost) lost.push({ ...called, ...range });
      if (found.next > from) place.set(keyOf(held), { ...called, generation: held.generation, offset: found.next });
      if (found.records.length > 0) held.given(found.next);
    }
    const partitions = this.#present().map((held) => ({ ...calledOf(held), revoked: held.isRevoked }));
    const next = this.#placeOf(place);
    return {
      records,
      ...(next.length === 0 ? {} : { next: printPlace(next) }),
      ...(lost.length === 0 ? {} : { lost }),
      partitions,
    };
  }

  /** Undefined where it is somebody else's by now. */
  async #readOne(held: HeldPartition, place: ReadonlyMap<string, Position>, room: Room) {
    try {
      const from = await this.#from(held, place);
      const found = await held.read(from, room);
      return held.isGone ? undefined : { from, found };
    } catch (thrown) {
      if (held.isGone) return undefined;
      throw thrown;
    }
  }

  /** Without what belongs to somebody else by now: nobody could commit it. */
  #placeOf(place: ReadonlyMap<string, Position>): Position[] {
    return [...place].flatMap(([key, at]) => (this.#held.get(key)?.generation === at.generation ? [at] : []));
  }

  async #from(held: HeldPartition, place: ReadonlyMap<string, Position>): Promise<number> {
    const at = place.get(keyOf(held));
    return at?.generation === held.generation ? at.offset : held.position();
  }

  async #waitForRecords(
    reading: readonly HeldPartition[],
    place: ReadonlyMap<string, Position>,
    signal: AbortSignal,
    changed: Promise<void>,
  ): Promise<void> {
    const enough = new AbortController();
    const until = AbortSignal.any([signal, enough.signal]);
    const over = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
      if (signal.aborted) resolve();
    });
    const waits = reading.map(async (held) => {
      const from = offset(await this.#from(held, place));
      await (await held.reader()).waitFor(from, until);
    });
    try {
      // Where one cannot wait, reading says why.
      await Promise.race([over, changed, ...waits.map((wait) => wait.catch(() => undefined))]);
    } finally {
      enough.abort();
      await Promise.allSettled(waits);
    }
  }

  #present(): HeldPartition[] {
    return [...this.#held.values()].filter(({ isGone }) => !isGone);
  }

  #keyOf({ topic, partition }: TopicPartition): string {
    return keyOf({ topic: ownedName({ tenant: this.options.tenant, name: topic }), partition });
  }

  #find(position: Position): HeldPartition | undefined {
    const held = this.#held.get(this.#keyOf(position));
    const isOurs = held !== undefined && !held.isGone;
    return isOurs && (position.generation ?? held.generation) === held.generation ? held : undefined;
  }

  async #revoked(key: string, held: HeldPartition): Promise<void> {
    if (held.assigned.isLost) {
      if (this.#held.get(key) === held) this.#held.delete(key);
      await held.close();
    } else if (held.isDone) await this.#release(held);
    this.#tellOfChange();
  }

  async #release(held: HeldPartition): Promise<void> {
    const key = keyOf(held);
    try {
      await held.release();
    } catch (thrown) {
      const { group, log } = this.options;
      log.warn({ group, partition: key, reason: messageOf(thrown) }, 'a partition could not be released');
    }
    if (this.#held.get(key) === held) this.#held.delete(key);
  }

  #tellOfChange(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  #fenced({ topic, partition }: Position): SpillwayError {
    const { group, id } = this.options;
    return new SpillwayError(
      'QUEUE_FENCED',
      `Nothing was committed: partition ${partition} of ${topic} is not ${id}'s in the group ${group} any more. Whoever has it begins at what was committed last.`,
      { details: { group, topic, partition } },
    );
  }

  /** In the words of the tenant. */
  #explained(reason: unknown): unknown {
    if (!(reason instanceof SpillwayError) || reason.code !== 'QUEUE_FENCED') return reason;
    const { group, id } = this.options;
    const what = `A partition is not ${id}'s in the group ${group} any more. Whoever has it begins at what was committed last.`;
    return new SpillwayError('QUEUE_FENCED', what, { cause: reason, details: { group } });
  }
}

function calledOf({ topic, partition }: HeldPartition): TopicPartition {
  return { topic: ownerOf(topic)?.name ?? topic, partition };
}
