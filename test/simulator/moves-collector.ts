/**
 * A collector of moves-world.ts: it maps, appends, moves and begins again in the way of src/collect/growth.ts and the spool,
 * and all that is decided with others is the real moves.ts.
 */
import { hashSource, partitionOf } from '../../src/collect/source-partition.ts';
import { InTurn } from '../../src/lib/in-turn.ts';
import type { MOVE_LIMITS } from '../../src/lib/limits.ts';
import { createLog } from '../../src/lib/log.ts';
import type { Random } from '../../src/lib/random.ts';
import type { AppendingProducer } from '../../src/queue/kafka/appenders.ts';
import { CONTROL, type ControlState } from '../../src/queue/kafka/control-log.ts';
import { Moves } from '../../src/queue/kafka/moves.ts';

export type Mistake = 'append before the barrier' | 'fence nobody' | 'say it too soon';

export const TOPIC = 'raw';
export const FIRST = 2;
const LIMITS: Record<keyof typeof MOVE_LIMITS, number> = {
  watchMs: 30,
  lookMs: 20,
  patienceMs: 1_500,
  turnMs: 200,
  holdMs: 600,
  outMost: 2,
  lookBackMs: 1_000,
  settleMs: 1_000,
};
const log = createLog('test', 'fatal');

export interface Item {
  readonly source: string;
  readonly number: number;
  readonly kind: 'request' | 'socket';
  readonly settle: (isAcknowledged: boolean) => void;
}

/** What is on a collector's disk: what it had taken and could not append. */
export interface Place {
  readonly kept: Map<number, Item[]>;
  before: string | undefined;
  process: CollectorProcess | undefined;
}

/** What is around a collector. */
export interface MovesHost {
  readonly random: Random;
  readonly mistake: Mistake | undefined;
  readonly isDone: boolean;
  readonly nowMs: number;
  state: ControlState;
  newId(): string;
  turn(who: string): Promise<void>;
  append(partition: number, producer: AppendingProducer, items: readonly Item[]): void;
  fence(partition: number, producer: AppendingProducer): void;
  endOf(partition: number): number;
  isPast(ends: readonly number[]): boolean;
}

/** The control topic as one process has read it last. */
class ControlView {
  readonly #world: MovesHost;
  readonly #turn: () => Promise<void>;
  state: ControlState = CONTROL.empty();

  constructor(world: MovesHost, turn: () => Promise<void>) {
    this.#world = world;
    this.#turn = turn;
  }

  async refresh(): Promise<void> {
    await this.#turn();
    this.state = CONTROL.parse(structuredClone(this.#world.state));
    await this.#turn();
  }

  async change(change: (state: ControlState) => boolean): Promise<void> {
    await this.#turn();
    const next = CONTROL.parse(structuredClone(this.#world.state));
    if (change(next)) this.#world.state = next;
    this.state = CONTROL.parse(structuredClone(next));
    await this.#turn();
  }
}

export class CollectorProcess {
  readonly #world: MovesHost;
  readonly #place: Place;
  readonly #id: string;
  readonly #moves: Moves;
  readonly #lanes = new Map<number, Item[]>();
  /** What has arrived, in order. */
  readonly #inbox = new InTurn();
  readonly #after = new Map<number, Promise<void> | undefined>();
  readonly #record: ControlView;
  #mapped = 0;
  #isDead = false;
  #isEnding = false;
  #standing: PromiseWithResolvers<void> | undefined;
  isListening = false;

  constructor(world: MovesHost, place: Place) {
    this.#world = world;
    this.#place = place;
    this.#id = world.newId();
    this.#record = new ControlView(world, () => this.#turn());
    this.#moves = new Moves({
      topic: TOPIC,
      id: this.#id,
      before: place.before,
      record: this.#record,
      fence: async (partition, producer) => {
        await this.#turn();
        world.fence(partition, producer);
        await this.#turn();
      },
      endOf: async (partition) => {
        await this.#turn();
        return world.endOf(partition);
      },
      log,
      limits: LIMITS,
      nowMs: () => world.nowMs,
      pause: async (ms) => {
        const untilMs = world.nowMs + ms;
        while (world.nowMs < untilMs && !world.isDone) await this.#turn();
      },
    });
    place.before = this.#id;
    this.#moves.onOut(() => this.#begins());
    this.#run().catch(() => this.kill());
  }

  get isGone(): boolean {
    return this.#isDead;
  }

  get isAtRest(): boolean {
    return this.isListening && [...this.#lanes.values()].every((lane) => lane.length === 0);
  }

  stand(): void {
    this.#standing ??= Promise.withResolvers();
  }

  goOn(): void {
    this.#standing?.resolve();
    this.#standing = undefined;
  }

  kill(): void {
    this.#isDead = true;
    this.isListening = false;
  }

  take(item: Item): void {
    if (this.#isDead) {
      item.settle(false);
      return;
    }
    void this.#inbox.run(async () => {
      await this.#turn();
      if (!this.isListening) return item.settle(false);
      this.#lane(partitionOf(hashSource([item.source]), FIRST, this.#mapped)).push(item);
    });
  }

  /** While it stands still nothing of it goes on; when it is dead nothing ever does. */
  async #turn(): Promise<void> {
    await this.#world.turn(this.#id);
    while (this.#standing !== undefined) await this.#standing.promise;
    if (this.#isDead || this.#world.isDone) await new Promise(() => {});
  }

  async #run(): Promise<void> {
    const { kept } = this.#place;
    await this.#record.refresh();
    this.#mapped = this.#record.state.topics[TOPIC]?.partitions ?? FIRST;
    this.#moves.mapsTo(this.#mapped);
    await Promise.all(Array.from({ length: this.#mapped }, (_, partition) => this.#open(partition)));
    void this.#watch();
    await this.#appendKept(kept);
    this.isListening = true;
    await this.#grow();
  }

  /** What the process before has kept, each partition after what its sources had in earlier ones was read. */
  async #appendKept(kept: Map<number, Item[]>): Promise<void> {
    if (![...kept.values()].some((items) => items.length > 0)) return;
    for (let partition = 0; partition < this.#mapped; partition++) {
      const items = kept.get(partition) ?? [];
      this.#lane(partition).push(...items);
      await this.#settled([partition]);
      const ends = Array.from({ length: partition + 1 }, (_, earlier) => this.#world.endOf(earlier));
      while (partition >= FIRST - 1 && !this.#world.isPast(ends)) await this.#turn();
    }
  }

  async #open(partition: number): Promise<void> {
    const producer = { id: `${this.#id} ${partition}`, epoch: 0 };
    await this.#turn();
    const { after } = await this.#moves.admit(partition, producer);
    this.#after.set(partition, after);
    this.#lane(partition);
    void this.#appendOn(partition, producer).catch(() => {});
  }

  #lane(partition: number): Item[] {
    const lane = this.#lanes.get(partition) ?? [];
    this.#lanes.set(partition, lane);
    return lane;
  }

  async #appendOn(partition: number, producer: AppendingProducer): Promise<void> {
    const lane = this.#lane(partition);
    if (this.#world.mistake !== 'append before the barrier') await this.#after.get(partition);
    while (!this.#isEnding) {
      await this.#turn();
      const items = [...lane];
      if (items.length === 0) continue;
      for (let i = this.#world.random.below(20); i > 0; i--) await this.#turn();
      if (this.#isEnding) return;
      try {
        this.#world.append(partition, producer, items);
      } catch {
        this.#moves.out();
        return;
      }
      // It is there, whoever hears of it.
      lane.splice(0, items.length);
      const kept = this.#place.kept.get(partition);
      if (kept !== undefined)
        this.#place.kept.set(
          partition,
          kept.filter((item) => !items.includes(item)),
        );
      await this.#turn();
      for (const { settle } of items) settle(true);
    }
  }

  async #settled(partitions: readonly number[]): Promise<void> {
    const lanes = partitions.map((partition) => this.#lane(partition));
    const last = lanes.flatMap((lane) => lane.at(-1) ?? []);
    while (last.some((item) => lanes.some((lane) => lane.includes(item)))) await this.#turn();
  }

  async #grow(): Promise<void> {
    for (;;) {
      const record = this.#record.state.topics[TOPIC];
      const { partitions = FIRST, additions = [] } = record ?? {};
      const before = this.#mapped;
      for (let partition = before; partition < partitions; partition++) await this.#open(partition);
      this.#mapped = Math.max(before, partitions);
      this.#moves.mapsTo(this.#mapped);
      if (additions.some(({ barrier }) => barrier === null)) {
        const earlier = Array.from({ length: before }, (_, partition) => partition);
        const last = additions.findLast(({ barrier }) => barrier === null)?.first ?? 0;
        if (this.#world.mistake !== 'say it too soon') await this.#settled(earlier.filter((at) => at < last));
        await this.#moves.complete(this.#mapped);
      }
      await this.#turn();
    }
  }

  /** Now and then it hears what others have noted. */
  async #watch(): Promise<void> {
    for (;;) {
      for (let i = this.#world.random.below(150); i > 0; i--) await this.#turn();
      await this.#record.refresh();
      this.#moves.look();
    }
  }

  /** Out: what requests brought is refused, what nobody sends again is kept. */
  #begins(): void {
    this.isListening = false;
    this.#isEnding = true;
    for (const [partition, lane] of this.#lanes) {
      const kept = this.#place.kept.get(partition) ?? [];
      for (const item of lane) {
        if (item.kind === 'socket' && !kept.includes(item)) kept.push(item);
        else item.settle(false);
      }
      this.#place.kept.set(partition, kept);
    }
    this.kill();
  }
}
