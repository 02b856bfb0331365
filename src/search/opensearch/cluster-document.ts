/**
 * A JSON document that all stores of a cluster share. Each changes what it has read, and only where nobody else has
 * changed it meanwhile (the engine's sequence numbers say so). It is found at once, without a refresh.
 */
import { ask, failed } from './ask.ts';
import type { Answer, Client } from './client.ts';
import { at, numberAt } from './json.ts';
import { makeIndex } from './make-index.ts';

/** The index of such documents: nobody looks into them but here. */
export function sharedIndex(prefix: string): string {
  return `${prefix}-shared`;
}

export interface SharedIndexOptions {
  readonly prefix: string;
  readonly replicas: number;
}

const MAPPINGS = { dynamic: false, properties: { value: { type: 'object', enabled: false } } };

function sharedContents({ replicas }: SharedIndexOptions) {
  return { settings: { 'index.number_of_shards': 1, 'index.number_of_replicas': replicas }, mappings: MAPPINGS };
}

/**
 * A cluster makes an index that is written and not there, also for a write that is then refused because the document is
 * not there: where somebody removes ours, it is made like this and not with a field for each name that is in a document.
 */
export function sharedIndexTemplate(options: SharedIndexOptions): Readonly<Record<string, unknown>> {
  return { index_patterns: [sharedIndex(options.prefix)], priority: 500, template: sharedContents(options) };
}

interface Version {
  readonly number: number;
  readonly term: number;
}

export class ClusterDocument<T> {
  readonly #client: Client;
  readonly #index: SharedIndexOptions;
  readonly #path: string;
  #version: Version | undefined;
  #value: T | undefined;

  constructor(client: Client, index: SharedIndexOptions, id: string) {
    this.#client = client;
    this.#index = index;
    this.#path = `${sharedIndex(index.prefix)}/_doc/${id}`;
  }

  /** As last read or written; undefined where there is none. */
  get value(): T | undefined {
    return this.#value;
  }

  /** Reads it if it has changed; whether it has. */
  async refresh(): Promise<boolean> {
    if (this.#version !== undefined) {
      const head = await this.#get('?_source=false');
      const version = versionOf(head);
      if (version?.number === this.#version.number && version.term === this.#version.term) return false;
    }
    const answer = await this.#get('');
    this.#version = versionOf(answer);
    // It was written by `replace`.
    this.#value = this.#version && (at(answer.body, '_source', 'value') as T);
    return true;
  }

  /** False where somebody else was first: refresh, and look again what should be there. */
  async replace(value: T): Promise<boolean> {
    const version = this.#version;
    if (version === undefined) {
      const index = sharedIndex(this.#index.prefix);
      await makeIndex(this.#client, { index, what: 'The index', body: sharedContents(this.#index) });
    }
    const condition = version === undefined ? 'op_type=create' : conditionOf(version);
    const answer = await this.#client.call({ method: 'PUT', path: `${this.#path}?${condition}`, body: { value } });
    if (answer.status === 409 || answer.status === 404) return false;
    if (answer.status >= 300) throw failed('What stores share cannot be written', answer);
    this.#version = versionOf(answer);
    this.#value = value;
    return true;
  }

  /** Removes it as it was last read; what somebody has changed since then stays. */
  async remove(): Promise<void> {
    if (this.#version === undefined) return;
    const path = `${this.#path}?${conditionOf(this.#version)}`;
    const answer = await this.#client.call({ method: 'DELETE', path });
    if (answer.status >= 300 && answer.status !== 404 && answer.status !== 409) {
      throw failed('What stores share cannot be removed', answer);
    }
    this.#version = undefined;
    this.#value = undefined;
  }

  async #get(parameters: string): Promise<Answer> {
    const call = { method: 'GET', path: this.#path + parameters } as const;
    const answer = await this.#client.call(call);
    return answer.status === 404 ? answer : ask(this.#client, call, answer);
  }
}

function conditionOf({ number, term }: Version): string {
  return `if_seq_no=${number}&if_primary_term=${term}`;
}

function versionOf({ body }: Answer): Version | undefined {
  if (at(body, '_seq_no') === undefined) return undefined;
  return { number: numberAt(body, '_seq_no'), term: numberAt(body, '_primary_term') };
}
