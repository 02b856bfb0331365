/**
 * Who appends to a topic that several processes append to, as the control topic has it (control-log.ts). Whoever wants to
 * append says first which producer it does it by, and to how many partitions it maps sources. So an addition of partitions
 * knows whom to wait for, and how brokers are told to take nothing more of one that does not answer (moves.ts).
 */
import type { TopicRecord } from '../segment-log/coordinator-state.ts';

export interface AppendingProducer {
  /** As a number in decimal digits. */
  readonly id: string;
  readonly epoch: number;
}

export interface Appender {
  /** Nothing that it has mapped to fewer partitions is appended by these producers any more. */
  readonly partitions: number;
  /** By partition. */
  readonly producers: Readonly<Record<string, AppendingProducer>>;
  /** It is appended by no more: it has ended, or did not answer in time. Brokers are still to be told. */
  readonly isOut?: true;
}

export type Appenders = Readonly<Record<string, Appender>>;

export interface AppendersState {
  readonly topics: Record<string, TopicRecord>;
  appenders?: Appenders;
}

export type Entered = 'entered' | 'unchanged' | 'out' | 'behind';

/**
 * `mapped`: of whom has not been there before, to how many partitions it maps sources. These have to be all that there
 * are, else it would go on mapping to fewer while others are waited for to stop. Who has been there and is not any more
 * is out.
 */
export function enter(state: AppendersState, topic: string, id: string, own: Appender, mapped?: number): Entered {
  const known = state.appenders?.[id];
  if (mapped === undefined && (known === undefined || known.isOut === true)) return 'out';
  if (mapped !== undefined && mapped !== state.topics[topic]?.partitions) return 'behind';
  if (JSON.stringify(known) === JSON.stringify(own)) return 'unchanged';
  state.appenders = { ...state.appenders, [id]: own };
  return 'entered';
}

/** Whom nobody has to wait for any more, behind those who were out before; whether that changed anything. */
export function putOut(state: AppendersState, isToGo: (appender: Appender, id: string) => boolean): boolean {
  const leaving = atWork(state.appenders).filter(([id, one]) => isToGo(one, id));
  const out = leaving.map(([id, one]): [string, Appender] => [id, { ...one, isOut: true }]);
  const ids = out.map(([id]) => id);
  if (!remove(state, ids)) return false;
  state.appenders = { ...state.appenders, ...Object.fromEntries(out) };
  return true;
}

/** Of whom brokers take nothing any more, or who has nothing under way; whether one was there. */
export function remove(state: AppendersState, ids: readonly string[]): boolean {
  const before = Object.entries(state.appenders ?? {});
  const after = before.filter(([id]) => !ids.includes(id));
  state.appenders = Object.fromEntries(after);
  return after.length < before.length;
}

/** Whoever is out for longest comes first. */
export const outOf = (appenders: Appenders = {}): [id: string, appender: Appender][] =>
  Object.entries(appenders).filter(([, { isOut }]) => isOut === true);

export const atWork = (appenders: Appenders = {}): [id: string, appender: Appender][] =>
  Object.entries(appenders).filter(([, { isOut }]) => isOut !== true);
