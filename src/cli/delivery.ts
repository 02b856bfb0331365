/** Delivers batches to POST /api/logs, each exactly once: repeated with the same Idempotency-Key until it is acknowledged. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
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
  const { client, parameters, signal } = options;
  const headers = { 'content-type': contentType, 'idempotency-key': randomUUID() };
  const deadlineMs = performance.now() + options.retryForMs;
  for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(delayMs * 2, LONGEST_DELAY_MS)) {
    try {
      return await client.json<Acknowledged>('/api/logs', { method: 'POST', parameters, headers, body, signal });
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
