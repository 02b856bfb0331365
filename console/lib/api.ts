/**
 * The API client: one function that asks and one error that everything shows. Addresses are relative to the page, so a
 * reverse proxy may serve the console below a path. Every call takes a signal: a superseded question is cancelled, and
 * the server cancels its work when the connection closes.
 */
import { noteServerTime } from './server-clock.ts';
import { authorization } from './token.ts';

export type Parameters = Readonly<Record<string, string | number | undefined>>;

/** An RFC 9457 problem document, or what stands for one where no server answered. */
export class Problem extends Error {
  readonly status: number;
  /** Of the registry in src/lib/errors.ts, or UNREACHABLE. */
  readonly code: string;
  readonly title: string;
  /** [position, end) of the query's text, where the problem is there. */
  readonly position: number | undefined;
  readonly end: number | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(status: number, document: Readonly<Record<string, unknown>>, retryAfterMs?: number) {
    const text = (key: string) => (typeof document[key] === 'string' ? document[key] : undefined);
    const number = (key: string) => (typeof document[key] === 'number' ? document[key] : undefined);
    super(text('detail') ?? text('title') ?? `The server answered ${status}.`);
    this.name = 'Problem';
    this.status = status;
    this.code = text('code') ?? 'INTERNAL';
    this.title = text('title') ?? 'Something failed.';
    this.position = number('position');
    this.end = number('end');
    this.retryAfterMs = retryAfterMs;
  }

  /** Whether the question may succeed by itself in a moment: it is then asked again without a click. */
  get passing(): boolean {
    return ['UNAVAILABLE', 'UNREACHABLE', 'TOO_MANY_REQUESTS'].includes(this.code);
  }

  get aboutQuery(): boolean {
    return this.code.startsWith('QUERY_') && this.position !== undefined;
  }
}

export async function getJson<T>(path: string, parameters: Parameters, signal: AbortSignal): Promise<T> {
  const answer = await request(path, parameters, signal, 'application/json');
  return (await answer.json()) as T;
}

/** The open body of a stream; throws a Problem where it is refused. */
export async function openStream(path: string, parameters: Parameters, signal: AbortSignal): Promise<Response> {
  return await request(path, parameters, signal, 'text/event-stream');
}

async function request(path: string, parameters: Parameters, signal: AbortSignal, accept: string): Promise<Response> {
  const url = new URL(path, document.baseURI);
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== '') url.searchParams.set(name, String(value));
  }
  let answer: Response;
  try {
    answer = await fetch(url, { signal, headers: { accept, ...authorization() }, cache: 'no-store' });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new Problem(0, {
      code: 'UNREACHABLE',
      title: 'Spillway does not answer.',
      detail: `Nothing answers at ${url.origin}. Is it running? "npm start" starts it.`,
    });
  }
  noteServerTime(answer.headers.get('date'));
  if (answer.ok) return answer;
  throw await readProblem(answer);
}

async function readProblem(answer: Response): Promise<Problem> {
  const seconds = Number(answer.headers.get('retry-after'));
  const retryAfterMs = Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : undefined;
  const type = answer.headers.get('content-type') ?? '';
  if (!type.includes('json')) {
    const between = { title: 'The server did not answer as Spillway does.', detail: `HTTP status ${answer.status}.` };
    return new Problem(answer.status, between, retryAfterMs);
  }
  const document: unknown = await answer.json().catch(() => ({}));
  return new Problem(answer.status, typeof document === 'object' ? { ...document } : {}, retryAfterMs);
}
