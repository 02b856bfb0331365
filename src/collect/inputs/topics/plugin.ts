/**
 * `POST /api/topics/{topic}/records` as a Fastify plugin: records of any kind into a topic that its tenant created. The
 * answer says where each record is, after all of them are durable.
 */
import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isOfRoles } from '../../../event/topics.ts';
import { SpillwayError } from '../../../lib/errors.ts';
import { TOPIC_LIMITS } from '../../../lib/limits.ts';
import { ownedName } from '../../../queue/created/owned-names.ts';
import type { Appended, TopicPartition } from '../../../queue/port.ts';
import { inTime, KEYS_UNKNOWN, notDurableYet } from '../../in-time.ts';
import type { InputContext } from '../../outlets.ts';
import type { TopicWriters } from '../../topics/topic-writers.ts';
import { readBody } from '../http/body.ts';
import { BodyBudget, type BodyShare } from '../http/body-budget.ts';
import { formatOf } from '../http/content-type.ts';
import { compressionOf } from '../http/decompress.ts';
import { keyedRequest } from '../http/idempotency.ts';
import { type Authenticate, asRefusal, headerText } from '../http/plugin.ts';
import { partitionOfKey } from './partitioner.ts';
import type { ProduceClaim, ProduceKeys } from './produce-keys.ts';
import { produceQuery } from './produce-query.ts';
import { type ProducedRecord, parseRecords, type RecordFormat } from './records.ts';
import { type Placed, storeRecords } from './store.ts';

const INPUT = 'topics';

export interface TopicsInputOptions {
  readonly context: InputContext;
  readonly authenticate: Authenticate;
  readonly writers: TopicWriters;
  readonly keys: ProduceKeys;
  readonly onAppended: (at: TopicPartition, appended: Appended) => void;
}

export interface ProduceAnswer {
  readonly topic: string;
  /** In the order of the request. */
  readonly records: readonly { readonly partition: number; readonly offset: number }[];
}

interface Upload {
  readonly topic: string;
  /** In the queue, and when it was created: another one of that name is another one. */
  readonly name: string;
  readonly createdMs: number;
  readonly partitions: number;
  /** Before any were added; undefined where none were. */
  readonly firstPartitions: number | undefined;
  readonly records: readonly ProducedRecord[];
  readonly body: Buffer;
  readonly reading: readonly string[];
}

export class TopicsInput {
  readonly #options: TopicsInputOptions;
  readonly #budget: BodyBudget;
  readonly #underWay = new Set<Promise<unknown>>();
  #isClosing = false;
  /** For records without a key: requests take turns. */
  #turn = 0;

  constructor(options: TopicsInputOptions) {
    this.#options = options;
    this.#budget = new BodyBudget(() => {}, TOPIC_LIMITS.bodiesBytes);
  }

  readonly plugin = async (app: FastifyInstance): Promise<void> => {
    // The body is read here and not by Fastify: as bytes, bounded, after the sender is known.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (_request, _body, done) => done(null));
    app.post('/api/topics/:topic/records', { config: { scope: 'ingest' } }, (request, reply) =>
      this.#post(request, reply),
    );
  };

  /** Takes no more requests; resolves when those under way are stored. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.allSettled(this.#underWay);
  }

  async #post(request: FastifyRequest, reply: FastifyReply): Promise<ProduceAnswer> {
    const share = this.#budget.open();
    let storing: Promise<ProduceAnswer> | undefined;
    try {
      const upload = await this.#receive(request, share);
      const key = headerText(request.headers['idempotency-key']);
      storing = key === undefined ? this.#store(upload) : this.#storeOnce(upload, key);
      this.#underWay.add(storing);
      const { httpAnswerMs } = this.#options.context.limits;
      return await inTime(storing, httpAnswerMs, notDurableYet(httpAnswerMs), TOPIC_LIMITS.retryS);
    } catch (error) {
      const refusal = asRefusal(error);
      if (refusal instanceof SpillwayError && refusal.code === 'REQUEST_TIMEOUT') reply.header('connection', 'close');
      throw refusal;
    } finally {
      const stored = storing;
      const end = (): void => {
        share.close();
        if (stored !== undefined) this.#underWay.delete(stored);
      };
      if (stored === undefined) end();
      else stored.then(end, end);
    }
  }

  async #receive(request: FastifyRequest, share: BodyShare): Promise<Upload> {
    const { context, authenticate, writers } = this.#options;
    const { highWater, metrics, limits } = context;
    if (this.#isClosing) {
      throw new SpillwayError('UNAVAILABLE', 'This collector is stopping.', { retryAfterS: TOPIC_LIMITS.retryS });
    }
    const { tenant, scopes } = await authenticate(request);
    if (!scopes.has('ingest')) throw new SpillwayError('FORBIDDEN', 'This token may not produce records.');
    const { topic } = request.params as { readonly topic: string };
    if (isOfRoles(topic)) {
      throw new SpillwayError(
        'FORBIDDEN',
        `Nobody produces to ${topic}, which is Spillway's own: send logs to /api/logs.`,
      );
    }
    const name = ownedName({ tenant, name: topic });
    // Before the body is read, so that what is refused costs little.
    const { partitions, firstPartitions, createdMs } = await writers.topic(name);
    highWater.assertOpen();
    const query = produceQuery(request.query);
    const format = recordFormatOf(request.headers['content-type']);
    const bodyLimits = {
      ...limits,
      httpBodyBytes: TOPIC_LIMITS.requestBytes,
      httpDecompressedBytes: TOPIC_LIMITS.requestBytes,
    };
    const body = await readBody(request.raw, compressionOf(request.headers['content-encoding']), share, bodyLimits);
    metrics.receivedBytes.labels(INPUT).inc(body.length);
    highWater.assertOpen();
    const { key } = query;
    const records = parseRecords(body, format).map((record) => ({
      ...record,
      key: record.key ?? key,
      partition: record.partition ?? query.partition,
    }));
    const reading = [format, ...printedKey(key), `${query.partition ?? ''}`];
    return { topic, name, createdMs, partitions, firstPartitions, records, body, reading };
  }

  async #storeOnce(upload: Upload, key: string): Promise<ProduceAnswer> {
    const { keys } = this.#options;
    const keyed = keyedRequest(`${upload.name} ${upload.createdMs}`, key, upload.body, upload.reading);
    // The same for each attempt, so that a retry finds its records where they are.
    const turn = Buffer.from(keyed.key).reduce((sum, byte) => sum + byte, 0);
    const placed = place(upload, turn);
    const { partitions, firstPartitions } = upload;
    const all = Array.from({ length: partitions }, (_, partition) => partition);
    await this.#keysKnown(upload.name, firstPartitions === undefined ? [...placed.byPartition.keys()] : all);
    const claim: ProduceClaim = await keys.claim(keyed);
    try {
      const { state } = claim;
      // Partitions may have been added since the first attempt: its records stay where that has put them.
      const before = state.parts.length === 0 ? partitions : (state.partitions ?? firstPartitions ?? partitions);
      const same = before === partitions ? placed : place({ ...upload, partitions: before }, turn);
      return await this.#append(upload, same, { keyed, state });
    } finally {
      claim.end();
    }
  }

  #store(upload: Upload): Promise<ProduceAnswer> {
    return this.#append(upload, place(upload, this.#turn++), undefined);
  }

  async #append(upload: Upload, placed: Placed, once: Parameters<typeof storeRecords>[0]['once']) {
    const { context, writers, onAppended } = this.#options;
    const { topic, name } = upload;
    const offsets = await storeRecords({ context, writers, topic: name, placed, once, onAppended });
    context.metrics.records.labels(INPUT).inc(offsets.length);
    return { topic, records: offsets };
  }

  /** Keys of before the start, of the partitions that the request goes to. */
  async #keysKnown(topic: string, partitions: readonly number[]): Promise<void> {
    const { writers, context } = this.#options;
    const known = Promise.all(
      partitions.map(async (partition) => (await writers.open({ topic, partition })).recalled()),
    );
    await inTime(known, context.limits.httpQueueWaitMs, KEYS_UNKNOWN, TOPIC_LIMITS.retryS);
  }
}

/** Which partition each record goes to. Throws BAD_REQUEST. */
function place({ records, partitions }: Upload, turn: number): Placed {
  const byPartition = new Map<number, ProducedRecord[]>();
  const places = records.map((record, number) => {
    const { key, partition: asked } = record;
    if (asked !== undefined && asked >= partitions) {
      throw new SpillwayError(
        'RECORD_INVALID',
        `Nothing was taken: record ${number} names partition ${asked}, and the topic has ${partitions}, from 0.`,
        { details: { record: number, partitions } },
      );
    }
    const partition = asked ?? (key === undefined ? turn % partitions : partitionOfKey(key, partitions));
    const there = byPartition.get(partition) ?? [];
    byPartition.set(partition, there);
    return { partition, index: there.push(record) - 1 };
  });
  return { places, byPartition, partitions };
}

/** Bytes that are no text are told from every text. */
function printedKey(key: Buffer | undefined): string[] {
  if (key === undefined) return [''];
  return isUtf8(key) ? [key.toString('utf8')] : ['', key.toString('base64')];
}

function recordFormatOf(contentType: string | undefined): RecordFormat {
  const type = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase();
  return type === 'application/octet-stream' ? 'bytes' : formatOf(contentType);
}
