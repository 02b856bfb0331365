/**
 * Several collectors that append to the same partitions while some are added, on brokers in memory: what moves.ts decides is
 * the real code, and around it is what it relies on. Collectors stand still, die and begin again anywhere; senders of
 * requests go from one to another and send again what was not acknowledged; senders of sockets stay where they are. A
 * group of processors reads each partition when it may.
 *
 * What must hold: a source's records are read in their order, those of requests at least once, and those of a connection
 * once and without a gap.
 */
import { SpillwayError } from '../../src/lib/errors.ts';
import { Random } from '../../src/lib/random.ts';
import type { AppendingProducer } from '../../src/queue/kafka/appenders.ts';
import { CONTROL, type ControlState } from '../../src/queue/kafka/control-log.ts';
import { countAssignable } from '../../src/queue/segment-log/topic-partitions.ts';
import {
  CollectorProcess,
  FIRST,
  type Item,
  type Mistake,
  type MovesHost,
  type Place,
  TOPIC,
} from './moves-collector.ts';
import { Scheduler } from './scheduler.ts';

export class MovesWorld implements MovesHost {
  readonly random: Random;
  readonly mistake: Mistake | undefined;
  readonly logs: (Item | 'fence')[][] = [];
  readonly #scheduler: Scheduler;
  readonly #epochs = new Map<string, number>();
  readonly #readTo: number[] = [];
  /** By source: how many were read, which are those from 0 on. */
  readonly #read = new Map<string, number>();
  readonly #acknowledged = new Map<string, number>();
  readonly places: Place[];
  state: ControlState = CONTROL.empty();
  nowMs = 0;
  isEnding = false;
  #isDone = false;
  #processes = 0;
  #connections = 0;
  #underWay = 0;
  broken: string | undefined;
  fences = 0;

  constructor(seed: number, mistake?: Mistake) {
    this.random = new Random(seed);
    this.mistake = mistake;
    this.#scheduler = new Scheduler(this.random, this.random.pick([0, 0.5, 0.9]));
    this.state.topics[TOPIC] = { partitions: FIRST, additions: [] };
    this.places = Array.from({ length: this.random.between(2, 3) }, () => {
      return { kept: new Map(), before: undefined, process: undefined };
    });
  }

  async run(): Promise<void> {
    for (const place of this.places) this.#start(place);
    for (let i = 0; i < 4; i++) void this.#sendRequests(`requests ${i}`);
    for (let i = 0; i < 3; i++) void this.#sendLines();
    void this.#readAll();
    void this.#trouble();
    await this.#scheduler.run();
    if (this.broken !== undefined) return;
    for (const [source, count] of this.#acknowledged) {
      if ((this.#read.get(source) ?? 0) < count) this.breaks(`${source}: ${count} are acknowledged, not all are read`);
    }
    if (this.state.topics[TOPIC]?.additions.some(({ barrier }) => barrier === null)) this.breaks('a move did not end');
  }

  breaks(how: string): void {
    this.broken ??= how;
    this.#isDone = true;
  }

  async turn(who: string): Promise<void> {
    await this.#scheduler.turn(who);
    this.nowMs += this.random.below(3);
    if (this.nowMs > 500_000) this.breaks('it does not come to an end');
  }

  get isDone(): boolean {
    return this.#isDone;
  }

  get partitions(): number {
    return this.state.topics[TOPIC]?.partitions ?? FIRST;
  }

  append(partition: number, { id, epoch }: AppendingProducer, items: readonly Item[]): void {
    const key = `${partition} ${id}`;
    if (epoch < (this.#epochs.get(key) ?? 0)) throw new SpillwayError('QUEUE_FENCED', 'a newer epoch is there');
    this.#epochs.set(key, epoch);
    this.#logOf(partition).push(...items);
  }

  fence(partition: number, { id, epoch }: AppendingProducer): void {
    if (this.mistake === 'fence nobody') return;
    this.fences++;
    this.#epochs.set(`${partition} ${id}`, epoch + 1);
    this.#logOf(partition).push('fence');
  }

  endOf(partition: number): number {
    return this.#logOf(partition).length;
  }

  isPast(ends: readonly number[]): boolean {
    return ends.every((end, partition) => (this.#readTo[partition] ?? 0) >= end);
  }

  newId = (): string => `process ${this.#processes++}`;

  #logOf(partition: number): (Item | 'fence')[] {
    this.logs[partition] ??= [];
    return this.logs[partition];
  }

  #start(place: Place): void {
    place.process = new CollectorProcess(this, place);
  }

  /** One after another, each again until somebody acknowledges it. */
  async #sendRequests(source: string): Promise<void> {
    this.#underWay++;
    for (let number = 0; !this.isEnding && !this.#isDone; number++) {
      for (let attempt = this.random.below(9); !this.#isDone; attempt++) {
        const { process } = this.places[(number + attempt) % this.places.length] ?? {};
        const untilMs = this.nowMs + 3_000;
        let outcome: boolean | undefined;
        process?.take({ source, number, kind: 'request', settle: (is) => (outcome ??= is) });
        while (outcome === undefined && this.nowMs < untilMs && process !== undefined && !process.isGone) {
          await this.turn(source);
        }
        await this.turn(source);
        if (outcome === true) break;
      }
      if (!this.#isDone) this.#acknowledged.set(source, number + 1);
    }
    this.#underWay--;
  }

  /** Connections, each a source of its own, of which nothing is acknowledged. */
  async #sendLines(): Promise<void> {
    this.#underWay++;
    while (!this.isEnding && !this.#isDone) {
      const { process } = this.random.pick(this.places);
      const source = `connection ${this.#connections++}`;
      await this.turn(source);
      for (let number = 0; number < 20 && process !== undefined && process.isListening && !this.isEnding; number++) {
        process.take({ source, number, kind: 'socket', settle: () => {} });
        for (let i = this.random.below(12); i > 0; i--) await this.turn(source);
      }
    }
    this.#underWay--;
  }

  async #readAll(): Promise<void> {
    for (let idle = 0; !this.#isDone; ) {
      await this.turn('reader');
      const record = this.state.topics[TOPIC];
      if (record === undefined) return;
      const entries = Array.from(this.#readTo, (committed = 0, at) => [`${TOPIC}/${at}`, { generation: 0, committed }]);
      const assignable = countAssignable(TOPIC, record, { members: 1, partitions: Object.fromEntries(entries) });
      const open = Array.from({ length: assignable }, (_, partition) => partition).filter((partition) => {
        return (this.#readTo[partition] ?? 0) < this.endOf(partition);
      });
      idle = open.length > 0 || !this.isEnding || this.#underWay > 0 ? 0 : idle + 1;
      if (idle > 300 && this.places.every(({ process }) => process?.isAtRest)) this.#isDone = true;
      // It may be slow.
      if (open.length === 0 || this.random.chance(0.6)) continue;
      const partition = this.random.pick(open);
      const at = this.#readTo[partition] ?? 0;
      this.#readTo[partition] = at + 1;
      const item = this.logs[partition]?.[at];
      if (item !== undefined && item !== 'fence') this.#takes(item, `${partition} at ${at}`);
    }
  }

  #takes({ source, number, kind }: Item, where: string): void {
    const next = this.#read.get(source) ?? 0;
    if (number === next) this.#read.set(source, next + 1);
    // A request that was sent again is passed over by its key.
    else if (number > next || kind === 'socket')
      this.breaks(`${source}: ${number} in ${where}, and ${next} would be next`);
  }

  async #trouble(): Promise<void> {
    const { random } = this;
    for (let step = random.between(6, 14); step > 0 && !this.#isDone; step--) {
      for (let i = random.below(150); i > 0; i--) await this.turn('trouble');
      const place = random.pick(this.places);
      const { process } = place;
      const what = random.pick(['add', 'add', 'stop', 'stop', 'go on', 'kill', 'start'] as const);
      const record = this.state.topics[TOPIC];
      if (what === 'add' && record !== undefined && record.partitions < 8) {
        record.additions.push({ first: record.partitions, barrier: null });
        record.partitions += 2;
        // In the midst of it.
        const one = random.pick(this.places).process;
        for (let i = random.chance(0.5) ? random.below(120) : 0; i > 0; i--) await this.turn('trouble');
        if (random.chance(0.5)) one?.stand();
      }
      if (what === 'stop') process?.stand();
      if (what === 'go on') process?.goOn();
      if (what === 'kill') process?.kill();
      if (what === 'start' && process?.isGone === true) this.#start(place);
    }
    this.isEnding = true;
    for (let rounds = 0; !this.#isDone; rounds++) {
      await this.turn('trouble');
      for (const place of this.places) {
        place.process?.goOn();
        if (place.process?.isGone === true && rounds % 20 === 0) this.#start(place);
      }
    }
  }
}
