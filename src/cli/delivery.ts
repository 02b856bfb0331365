/** Delivers batches to POST /api/logs or a topic, each exactly once: repeated with the same Idempotency-Key until it is acknowledged. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Produced } from '../api/schemas/index.ts';
import { SpillwayError } from '../lib/errors.ts';
import type { Client, Parameters } from './client.ts';

export interface Acknowledged {
  readonly accepted: number;
  readonly deadLettered: number;
  readonly errors?: readonly {
    readonly line?: number;
    readonly element?: number;
    readonly code: string;
    readonly reason: string;
  }[];
}

export interface DeliveryOptions {
  readonly client: Client;
  readonly parameters: Parameters;
  /** Instead of the logs. */
  readonly topic?: string | undefined;
  /** How long one batch is tried, ms. */
  readonly retryForMs: number;
  readonly signal: AbortSignal;
  /** Told before each repetition. */
  readonly onRetry: (error: SpillwayError) => void;
}

const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 5_000;

/** Throws what the last attempt failed for, once `retryForMs` is over or a repetition cannot help. */
export async function deliver(
  body: Buffer<ArrayBuffer>,
  contentType: string,
  options: DeliveryOptions,
): Promise<Acknowledged> {
  const { client, parameters, signal, topic } = options;
  const headers = { 'content-type': contentType, 'idempotency-key': randomUUID() };
  const deadlineMs = performance.now() + options.retryForMs;
  for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(delayMs * 2, LONGEST_DELAY_MS)) {
    try {
      const request = { method: 'POST', parameters, headers, body, signal } as const;
      if (topic === undefined) return await client.json<Acknowledged>('/api/logs', request);
      const produced = await client.json<Produced>(`/api/topics/${encodeURIComponent(topic)}/records`, request);
      return { accepted: produced.records.length, deadLettered: 0 };
    } catch (thrown) {
      const error = retryable(thrown);
      const waitMs = error?.retryAfterS === undefined ? delayMs : error.retryAfterS * 1_000;
      if (error === undefined || signal.aborted || performance.now() + waitMs > deadlineMs) throw thrown;
      options.onRetry(error);
      await delay(waitMs, undefined, { signal });
    }
  }
}

/** An answer that breaks off is an error of fetch: whether it was accepted is not known, which is what the key is for. */
function retryable(thrown: unknown): SpillwayError | undefined {
  if (thrown instanceof SpillwayError) return thrown.kind.retry ? thrown : undefined;
  if (thrown instanceof TypeError)
    return new SpillwayError('UNAVAILABLE', 'The connection was lost.', { cause: thrown });
  return undefined;
}
