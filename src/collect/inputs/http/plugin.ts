/**
 * `POST /api/logs` as a Fastify plugin. The answer comes after everything in the body is durable. What the body may
 * be, and what it is answered with, stands in docs/protocols.md.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { RawMeta } from '../../../event/raw-meta.ts';
import { SpillwayError } from '../../../lib/errors.ts';
import type { Principal } from '../../../lib/principal.ts';
import { inTime, notDurableYet } from '../../in-time.ts';
import type { InputContext } from '../../outlets.ts';
import { plainAddress, printRemote } from '../remote.ts';
import { readBody } from './body.ts';
import { BodyBudget, type BodyShare } from './body-budget.ts';
import { formatOf } from './content-type.ts';
import { compressionOf } from './decompress.ts';
import { beginAttempt, type Claim, type IdempotencyKeys, type KeyedRequest, keyedRequest } from './idempotency.ts';
import { type LogsQuery, logsQuery } from './query.ts';
import { type BodyFormat, type RecordProblem, type Split, split } from './split.ts';
import { storeRequest } from './store.ts';

const INPUT = 'http';
const RETRY_S = 5;

export type Authenticate = (request: FastifyRequest) => Principal | Promise<Principal>;

export interface HttpInputOptions {
  readonly context: InputContext;
  readonly authenticate: Authenticate;
  readonly keys: IdempotencyKeys;
  /** Resolves when the keys of before the start are known again; throws UNAVAILABLE where that takes long. */
  readonly keysKnown: () => Promise<void>;
  /** How many dead letters of the request another collector has made durable, from its first on, as far as is known. */
  readonly lettersElsewhere: (request: KeyedRequest) => Promise<number>;
}

export interface LogsAnswer {
  readonly accepted: number;
  readonly deadLettered: number;
  readonly errors?: readonly RecordProblem[];
}

/** A request whose body is read. */
interface Upload {
  readonly principal: Principal;
  readonly remote: { readonly address: string; readonly port: number };
  readonly query: LogsQuery;
  readonly format: BodyFormat;
  readonly body: Buffer;
}

export class HttpInput {
  readonly #options: HttpInputOptions;
  readonly #budget: BodyBudget;
  #underWay = 0;
  #isClosing = false;
  #onIdle: (() => void) | undefined;

  constructor(options: HttpInputOptions) {
    this.#options = options;
    const gauge = options.context.metrics.httpBodiesBytes;
    this.#budget = new BodyBudget((bytes) => gauge.set(bytes), options.context.limits.httpConcurrentBodiesBytes);
  }

  readonly plugin = async (app: FastifyInstance): Promise<void> => {
    // The body is read here and not by Fastify: as bytes, bounded, after the sender is known.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (_request, _body, done) => done(null));
    app.post('/api/logs', { config: { scope: 'ingest' } }, (request, reply) => this.#post(request, reply));
  };

  /** Takes no more requests; resolves when those under way are answered. */
  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#underWay === 0) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }

  async #post(request: FastifyRequest, reply: FastifyReply): Promise<LogsAnswer> {
    const share = this.#budget.open();
    this.#underWay++;
    let storing: Promise<LogsAnswer> | undefined;
    try {
      const { upload, key } = await this.#receive(request, share);
      storing = key === undefined ? this.#store(upload) : this.#storeOnce(upload, key);
      // What is under way goes on all the same.
      const { httpAnswerMs } = this.#options.context.limits;
      return await inTime(storing, httpAnswerMs, notDurableYet(httpAnswerMs), RETRY_S);
    } catch (error) {
      const refusal = asRefusal(error);
      if (refusal instanceof SpillwayError && refusal.code === 'REQUEST_TIMEOUT') reply.header('connection', 'close');
      throw refusal;
    } finally {
      const end = (): void => this.#end(share);
      if (storing === undefined) end();
      else storing.then(end, end);
    }
  }

  #end(share: BodyShare): void {
    share.close();
    this.#underWay--;
    if (this.#underWay === 0) this.#onIdle?.();
  }

  async #receive(request: FastifyRequest, share: BodyShare): Promise<{ upload: Upload; key: string | undefined }> {
    if (this.#isClosing)
      throw new SpillwayError('UNAVAILABLE', 'This collector is stopping.', { retryAfterS: RETRY_S });
    const principal = await this.#options.authenticate(request);
    if (!principal.scopes.has('ingest')) throw new SpillwayError('FORBIDDEN', 'This token may not send logs.');
    const { metrics, limits, highWater } = this.#options.context;
    // Before the body is read, so that what is refused costs little.
    highWater.assertOpen();
    const query = logsQuery(request.query);
    const format = formatOf(request.headers['content-type']);
    const compression = compressionOf(request.headers['content-encoding']);
    const key = headerText(request.headers['idempotency-key']);
    const remote = { address: plainAddress(request.ip), port: request.socket.remotePort ?? 0 };
    const body = await readBody(request.raw, compression, share, limits);
    metrics.receivedBytes.labels(INPUT).inc(body.length);
    highWater.assertOpen();
    if (body.length === 0) throw new SpillwayError('BAD_REQUEST', 'The body is empty; send log lines or JSON.');
    return { upload: { principal, remote, query, format, body }, key };
  }

  async #storeOnce(upload: Upload, key: string): Promise<LogsAnswer> {
    const { principal, query, format, body } = upload;
    const reading = [format, query.team ?? '', query.app ?? '', query.host ?? ''];
    const keyed = keyedRequest(principal.tenant, key, body, reading);
    await this.#options.keysKnown();
    const claim = await this.#options.keys.claim(keyed);
    try {
      return await this.#store(upload, { keyed, claim });
    } finally {
      claim.end(claim.state.total !== undefined);
    }
  }

  /** The first attempt may have been at another collector: what that has written is not written again. */
  async #passLettersElsewhere({ keyed, claim: { state } }: { keyed: KeyedRequest; claim: Claim }): Promise<void> {
    const letters = state.total?.deadLetters ?? 0;
    if (state.durableDeadLetters >= letters) return;
    const durable = Math.min(letters, await this.#options.lettersElsewhere(keyed));
    state.durableDeadLetters = Math.max(state.durableDeadLetters, durable);
  }

  async #store(upload: Upload, once?: { keyed: KeyedRequest; claim: Claim }): Promise<LogsAnswer> {
    const { body, format, principal, query, remote } = upload;
    const found = await inTurns(split(body, format));
    refuseUnreadable(found);
    const { context } = this.#options;
    const state = once?.claim.state;
    const counts = { records: found.records.length, deadLetters: found.refused.length };
    if (state !== undefined) state.total = counts;
    if (once !== undefined) await this.#passLettersElsewhere(once);
    const sender: RawMeta = {
      tenant: principal.tenant,
      input: INPUT,
      remote: printRemote(remote.address, remote.port),
      format: format === 'text' ? 'text' : 'json',
      ...query,
    };
    const attempt = once === undefined ? undefined : beginAttempt(once.keyed, once.claim.state);
    const { outlet, done } = context.outlets.raw.take(sourceOf(upload));
    try {
      await storeRequest(context, { body, format, found, sender, attempt, outlet, keyed: state });
    } finally {
      done();
    }
    const { errors } = found;
    const answer = { accepted: counts.records, deadLettered: counts.deadLetters };
    return errors.length === 0 ? answer : { ...answer, errors };
  }
}

/** Whose order is kept: the stream that the request names, else who sent it. */
function sourceOf({ principal, query, remote }: Upload): readonly string[] {
  const { team, app, host } = query;
  const isNamed = team !== undefined || app !== undefined || host !== undefined;
  const stream = isNamed
    ? ['stream', team ?? '', app ?? '', host ?? '']
    : ['sender', principal.token ?? remote.address];
  return [principal.tenant, INPUT, ...stream];
}

function refuseUnreadable({ records, errors }: Split): void {
  const [first] = errors;
  if (records.length > 0 || first === undefined) return;
  const place = first.line === undefined ? `Element ${first.element ?? 0}` : `Line ${first.line}`;
  const { code, reason } = first;
  throw new SpillwayError(
    code === 'MESSAGE_TOO_LARGE' ? code : 'BAD_REQUEST',
    `Nothing was taken. ${place}: ${reason}`,
  );
}

async function inTurns<Result>(work: Generator<undefined, Result>): Promise<Result> {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    await turn();
  }
}

/** What the queue refused with, as an answer: with the time after which a retry may help. */
export function asRefusal(error: unknown): unknown {
  if (!(error instanceof SpillwayError) || error.retryAfterS !== undefined) return error;
  if (error.code === 'QUEUE_FENCED') {
    return new SpillwayError('UNAVAILABLE', 'Another process writes this partition now.', {
      cause: error,
      retryAfterS: RETRY_S,
    });
  }
  if (error.kind.status !== 503) return error;
  return new SpillwayError(error.code, error.message, { cause: error, details: error.details, retryAfterS: RETRY_S });
}

export const headerText = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header.join(', ') : header;
