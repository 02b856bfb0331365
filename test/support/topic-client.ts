/** Topics and groups over HTTP, as a program of a user would use them. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Consumed, GroupAnswer, MemberAnswer, OffsetsAnswer, Produced } from '../../src/api/schemas/index.ts';

export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly [member: string]: unknown;
}

export class TopicClient {
  readonly url: () => string;
  readonly #token: string | undefined;

  constructor(url: () => string, token?: string) {
    this.url = url;
    this.#token = token;
  }

  async ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
    const isRaw = typeof body === 'string' || body instanceof Uint8Array;
    const authorization = this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` };
    const type = body === undefined || isRaw ? {} : { 'content-type': 'application/json' };
    return fetch(this.url() + path, {
      method,
      headers: { ...authorization, ...type, ...headers },
      ...(body === undefined ? {} : { body: isRaw ? (body as string) : JSON.stringify(body) }),
    });
  }

  /** Throws with the problem where it is refused. */
  async json<T>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<T> {
    const response = await this.ask(method, path, body, headers);
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  }

  async refusal(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Refusal> {
    const response = await this.ask(method, path, body, headers);
    const answer = (await response.json()) as Refusal;
    if (response.ok) throw new Error(`${method} ${path} was not refused: ${JSON.stringify(answer)}`);
    return answer;
  }

  create(topic: string, settings: object = {}): Promise<unknown> {
    return this.json('PUT', `/api/topics/${topic}`, settings);
  }

  produce(topic: string, records: unknown, headers?: Record<string, string>): Promise<Produced> {
    return this.json('POST', `/api/topics/${topic}/records`, records, headers);
  }

  /** Under one Idempotency-Key until it is acknowledged, as a careful producer does. */
  async produceSurely(topic: string, records: unknown, key: string = randomUUID()): Promise<Produced> {
    for (;;) {
      try {
        const response = await this.ask('POST', `/api/topics/${topic}/records`, records, { 'idempotency-key': key });
        const text = await response.text();
        if (response.ok) return JSON.parse(text) as Produced;
        if (response.status < 500 && response.status !== 429) throw new RangeError(`${response.status} ${text}`);
      } catch (thrown) {
        if (thrown instanceof RangeError) throw thrown;
      }
      await delay(50);
    }
  }

  async join(group: string, topics: readonly string[], options: object = {}): Promise<Member> {
    const path = `/api/groups/${group}/members`;
    return new Member(this, group, await this.json<MemberAnswer>('POST', path, { topics, ...options }));
  }

  group(group: string): Promise<GroupAnswer> {
    return this.json('GET', `/api/groups/${group}`);
  }
}

export class Member {
  readonly client: TopicClient;
  readonly joined: MemberAnswer;
  readonly path: string;

  constructor(client: TopicClient, group: string, joined: MemberAnswer) {
    this.client = client;
    this.joined = joined;
    this.path = `/api/groups/${group}/members/${joined.member}`;
  }

  describe(): Promise<MemberAnswer> {
    return this.client.json('GET', this.path);
  }

  fetch(query = 'wait=2s'): Promise<Consumed> {
    return this.client.json('GET', `${this.path}/records?${query}`);
  }

  commit(next: string | undefined): Promise<OffsetsAnswer> {
    return this.client.json('POST', `${this.path}/commit`, { next });
  }

  leave(): Promise<unknown> {
    return this.client.json('DELETE', this.path);
  }
}
