/** A real index, for tests that ask it many compiled queries at once. */
import type { StoredEvent } from '../../../event/event.ts';
import type { QueryNode } from '../../../query/ast.ts';
import { idNumbers } from '../../ids.ts';
import { Client } from '../client.ts';
import { type CompileOptions, compileToOpenSearch } from '../compile.ts';
import { documentOf, documentParts } from '../document.ts';
import { listAt, numberAt } from '../json.ts';
import { aliasOf, FIELD, indexTemplate, VALUE_MAPPINGS, type ValueType } from '../mapping.ts';

const QUERIES_AT_ONCE = 40;

export class QueryIndex {
  readonly #client: Client;
  readonly #prefix: string;
  /** How many paths get typed fields: few, so that both ways of a number are asked. */
  readonly #typedFields: number;

  private constructor(client: Client, prefix: string, typedFields: number) {
    this.#client = client;
    this.#prefix = prefix;
    this.#typedFields = typedFields;
  }

  static async open(node: string, typedFields = 12): Promise<QueryIndex> {
    const prefix = `test-${process.pid}-${Math.random().toString(36).slice(2)}`;
    const client = new Client({ nodes: [node] });
    const index = new QueryIndex(client, prefix, typedFields);
    await index.#ask('PUT', `_index_template/${prefix}`, indexTemplate({ prefix, shards: 1, replicas: 0 }));
    return index;
  }

  /** Puts these events in the place of those before. */
  async replace(events: readonly StoredEvent[]): Promise<void> {
    const index = `${this.#prefix}-slice-1d-2026-01-01`;
    await this.#client.call({ method: 'DELETE', path: index });
    const typed = new Map<string, ValueType>();
    const lines: Buffer[] = [];
    for (const [offset, event] of events.entries()) {
      // As stored: what JSON does to it, it has done.
      const stored: StoredEvent = JSON.parse(JSON.stringify(event));
      const id = idNumbers(event.id);
      if (id === undefined) throw new Error(event.id);
      const document = documentOf(stored, id, { queue: '', offset }, documentParts(stored), ({ type, path }) => {
        if (!typed.has(path) && typed.size < this.#typedFields) typed.set(path, type);
        return typed.has(path);
      });
      lines.push(
        Buffer.from(`{"create":{"_id":"${offset}"}}\n${JSON.stringify({ ...document, [FIELD.event]: stored })}\n`),
      );
    }
    await this.#ask('PUT', index);
    const properties: Record<string, { properties: Record<string, unknown> }> = {};
    for (const [field, type] of typed) {
      properties[type] ??= { properties: {} };
      properties[type].properties[field.slice(type.length + 1)] = VALUE_MAPPINGS[type];
    }
    await this.#ask('PUT', `${index}/_mapping`, { properties: { [FIELD.values]: { properties } } });
    const { body } = await this.#client.call({ method: 'POST', path: `${index}/_bulk?refresh=true`, body: lines });
    const failed = listAt(body, 'items').filter((item) => numberAt(item, 'create', 'status') !== 201);
    if (failed.length > 0) throw new Error(JSON.stringify(failed).slice(0, 2_000));
  }

  /** For each query the positions of the events that match, in order. */
  async matching(queries: readonly QueryNode[], options: CompileOptions = {}): Promise<number[][]> {
    const answers: number[][] = [];
    for (let from = 0; from < queries.length; from += QUERIES_AT_ONCE) {
      const lines = queries.slice(from, from + QUERIES_AT_ONCE).map((query) => {
        const { condition } = compileToOpenSearch(query, options);
        const search = { size: 1_000, _source: false, sort: [FIELD.offset], query: { bool: { filter: [condition] } } };
        return Buffer.from(`{"index":"${aliasOf(this.#prefix)}"}\n${JSON.stringify(search)}\n`);
      });
      const { body } = await this.#client.call({ method: 'POST', path: '_msearch', body: lines });
      for (const response of listAt(body, 'responses')) {
        answers.push(listAt(response, 'hits', 'hits').map((hit) => Number(listAt(hit, 'sort')[0])));
      }
    }
    return answers;
  }

  async close(): Promise<void> {
    await this.#client.call({ method: 'DELETE', path: `${this.#prefix}-slice-*` });
    await this.#client.call({ method: 'DELETE', path: `_index_template/${this.#prefix}` });
    this.#client.close();
  }

  async #ask(method: 'PUT', path: string, body?: Readonly<Record<string, unknown>>): Promise<void> {
    const answer = await this.#client.call({ method, path, ...(body && { body }) });
    if (answer.status >= 300) throw new Error(JSON.stringify(answer.body).slice(0, 2_000));
  }
}
