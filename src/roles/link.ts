/** A role's end of the channel to its supervisor. */
import { SpillwayError } from '../lib/errors.ts';
import { SUPERVISOR_LIMITS } from '../lib/limits.ts';
import { endNow } from './end-now.ts';
import type { CoordinatorRequest, FromRole, ToRole } from './messages.ts';

/** The supervisor asks Kafka, where that is the queue: a cluster that is slow answers all the same. */
const OF_THE_QUEUE: ReadonlySet<CoordinatorRequest['do']> = new Set(['topics', 'groups', 'addPartitions']);

type Waiting = { readonly resolve: (answer: unknown) => void; readonly reject: (error: Error) => void };
type Handler<K extends ToRole['kind']> = (message: Extract<ToRole, { kind: K }>) => void;

export class SupervisorLink {
  readonly #waiting = new Map<number, Waiting>();
  readonly #handlers = new Map<ToRole['kind'], (message: ToRole) => void>();
  #nextId = 1;

  constructor() {
    process.on('message', (message: ToRole) => this.#receive(message));
    // Without its supervisor a role has no epochs, marks or commits: everything durable is safe, so it just ends.
    process.on('disconnect', endNow);
  }

  on<K extends ToRole['kind']>(kind: K, handler: Handler<K>): void {
    this.#handlers.set(kind, handler as (message: ToRole) => void);
  }

  /** Calls `sent` when the channel has taken it. */
  send(message: FromRole, sent: () => void = () => {}): void {
    if (process.connected) process.send?.(message, undefined, undefined, sent);
  }

  /** Asks the supervisor; rejects with its error, or UNAVAILABLE when it does not answer in time. */
  request<T>(request: CoordinatorRequest): Promise<T> {
    const id = this.#nextId++;
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        const what = 'it, or the queue that it asks, stands still or is slow';
        reject(new SpillwayError('UNAVAILABLE', `The supervisor did not answer "${request.do}" in time: ${what}.`));
      }, timeoutMsOf(request));
      const settle = () => {
        clearTimeout(timer);
        this.#waiting.delete(id);
      };
      this.#waiting.set(id, {
        resolve: (answer) => {
          settle();
          resolve(answer as T);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
      this.send({ kind: 'request', id, request });
    });
  }

  #receive(message: ToRole): void {
    if (message.kind === 'answer') this.#waiting.get(message.id)?.resolve(message.answer);
    else if (message.kind === 'refusal') {
      this.#waiting.get(message.id)?.reject(new SpillwayError(message.code, message.message));
    } else this.#handlers.get(message.kind)?.(message);
  }
}

function timeoutMsOf(request: CoordinatorRequest): number {
  return OF_THE_QUEUE.has(request.do) ? SUPERVISOR_LIMITS.questionTimeoutMs : SUPERVISOR_LIMITS.requestTimeoutMs;
}
