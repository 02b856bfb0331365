/** Rows of a queue that are stored already, whichever store wrote them: each names its partition and offset there. */
import { SpillwayError } from '../../lib/errors.ts';
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import type { Range } from '../journal.ts';
import { ask } from './ask.ts';
import type { Client } from './client.ts';
import type { Condition } from './conditions.ts';
import { WHERE_THERE } from './index-names.ts';
import { listAt } from './json.ts';
import { aliasOf, FIELD, type IndexOptions } from './mapping.ts';
import { redIndices } from './red-indices.ts';
import { adviceOn } from './refusals.ts';

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

  async hasAny(partition: number): Promise<boolean> {
    await this.#refresh();
    return (await this.#offsets(partition, [], 1)).length > 0;
  }

  async offsets({ partition, from, to }: Range): Promise<ReadonlySet<number>> {
    await this.#refresh();
    const found = new Set<number>();
    const { offsetsAtOnce } = OPENSEARCH_LIMITS;
    for (let next = from; next < to; ) {
      const within = { range: { [FIELD.offset]: { gte: next, lt: to } } };
      const offsets = await this.#offsets(partition, [within], offsetsAtOnce);
      for (const offset of offsets) found.add(offset);
      const last = offsets.at(-1);
      if (last === undefined || offsets.length < offsetsAtOnce) break;
      next = last + 1;
    }
    return found;
  }

  async #refresh(): Promise<void> {
    await this.#assertThere();
    await ask(this.#client, { method: 'POST', path: `${this.#alias}/_refresh?${WHERE_THERE}` });
  }

  /** A refresh would wait a minute for shards that no node has, and what is in them is not known without. */
  async #assertThere(): Promise<void> {
    const red = await redIndices(this.#client, this.#alias);
    if (red.length === 0) return;
    const names = red.slice(0, OPENSEARCH_LIMITS.namesSaid).join(', ');
    const trouble = `unavailable_shards: no node has all of ${names}`;
    throw new SpillwayError('UNAVAILABLE', `OpenSearch cannot tell what is stored: ${trouble}. ${adviceOn(trouble)}.`);
  }

  /** The smallest, in their order. */
  async #offsets(partition: number, conditions: readonly Condition[], size: number): Promise<readonly number[]> {
    const ofPartition = { term: { [FIELD.queue]: `${this.#origin}/${partition}` } };
    const { body } = await ask(this.#client, {
      method: 'POST',
      path: `${this.#alias}/_search?${WHERE_THERE}&allow_partial_search_results=false`,
      body: {
        ...{ size, _source: false, track_total_hits: false, sort: [FIELD.offset] },
        query: { bool: { filter: [ofPartition, ...conditions] } },
      },
    });
    return listAt(body, 'hits', 'hits').map((hit) => Number(listAt(hit, 'sort')[0]));
  }
}
