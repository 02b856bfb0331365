/**
 * Rows of a queue that are stored already, whichever store wrote them: each names its partition and offset there. Those in
 * slices that no node has are not found: to insert them again adds nothing.
 */
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import type { Range } from '../journal.ts';
import { ask } from './ask.ts';
import type { Client } from './client.ts';
import type { Condition } from './conditions.ts';
import { namesForPaths, WHERE_THERE } from './index-names.ts';
import { listAt } from './json.ts';
import { aliasOf, FIELD, type IndexOptions } from './mapping.ts';
import { redIndices } from './red-indices.ts';

interface OffsetsAsked {
  readonly size: number;
  readonly order?: 'asc' | 'desc';
  readonly isWhole?: boolean;
}

export class StoredRows {
  readonly #client: Client;
  readonly #alias: string;
  readonly #origin: string;

  /** `origin` names the queue. */
  constructor(client: Client, { prefix }: Pick<IndexOptions, 'prefix'>, origin: string) {
    this.#client = client;
    this.#alias = aliasOf(prefix);
    this.#origin = origin;
  }

  /** Or where it cannot be known: a slice may have some that no node has now. */
  async hasAny(partition: number): Promise<boolean> {
    if (await this.#refresh()) return true;
    // Where it has none all of it is read again: a shard that is only too busy to say it must not be left out.
    return (await this.#offsets(partition, [], { size: 1, isWhole: true })).length > 0;
  }

  async offsets(range: Range): Promise<ReadonlySet<number>> {
    await this.#refresh();
    return this.found(range);
  }

  /** But for what came since the last refresh. */
  async found({ partition, from, to }: Range): Promise<ReadonlySet<number>> {
    const found = new Set<number>();
    const { offsetsAtOnce } = OPENSEARCH_LIMITS;
    for (let next = from; next < to; ) {
      const within = { range: { [FIELD.offset]: { gte: next, lt: to } } };
      const offsets = await this.#offsets(partition, [within], { size: offsetsAtOnce });
      for (const offset of offsets) found.add(offset);
      const last = offsets.at(-1);
      if (last === undefined || offsets.length < offsetsAtOnce) break;
      next = last + 1;
    }
    return found;
  }

  async lastOffset({ partition, from, to }: Range): Promise<number | undefined> {
    await this.#refresh();
    const within = { range: { [FIELD.offset]: { gte: from, lt: to } } };
    return (await this.#offsets(partition, [within], { size: 1, order: 'desc' }))[0];
  }

  /** Whether there are slices that no node has all of: a refresh would wait a minute for them. */
  async #refresh(): Promise<boolean> {
    const red = await redIndices(this.#client, this.#alias);
    if (red.length === 0) {
      await ask(this.#client, { method: 'POST', path: `${this.#alias}/_refresh?${WHERE_THERE}` });
      return false;
    }
    const { body } = await ask(this.#client, { method: 'GET', path: `${this.#alias}/_alias` });
    const others = Object.keys(Object(body)).filter((index) => !red.includes(index));
    for (const names of namesForPaths(others)) {
      await ask(this.#client, { method: 'POST', path: `${names}/_refresh?${WHERE_THERE}` });
    }
    return true;
  }

  /** The smallest (or largest), in their order. Of slices that no node has all of, what there is, unless all have to answer. */
  async #offsets(
    partition: number,
    conditions: readonly Condition[],
    { size, order = 'asc', isWhole = false }: OffsetsAsked,
  ): Promise<readonly number[]> {
    const ofPartition = { term: { [FIELD.queue]: `${this.#origin}/${partition}` } };
    const { body } = await ask(this.#client, {
      method: 'POST',
      path: `${this.#alias}/_search?${WHERE_THERE}&allow_partial_search_results=${!isWhole}`,
      body: {
        ...{ size, _source: false, track_total_hits: false, sort: [{ [FIELD.offset]: order }] },
        query: { bool: { filter: [ofPartition, ...conditions] } },
      },
    });
    return listAt(body, 'hits', 'hits').map((hit) => Number(listAt(hit, 'sort')[0]));
  }
}
