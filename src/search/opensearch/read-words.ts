/**
 * The most frequent words of messages. Words are indexed to be searched: to count them, the engine would load all of
 * them into its memory and keep them there. So they are counted in the newest events, and scaled to all where there
 * are more.
 */
import { QUERY_LIMITS } from '../../lib/limits.ts';
import { tokenize } from '../../query/text.ts';
import { compareText } from '../../query/value.ts';
import type { Question, ValueCount } from '../port.ts';
import { allOf, type Condition } from './conditions.ts';
import { ONLY_TOTAL, totalOf } from './hits.ts';
import { listAt, textAt } from './json.ts';
import { FIELD } from './mapping.ts';
import { fieldTerm, MARK, ownKey } from './names.ts';
import type { Ask } from './query-runner.ts';
import { conditionOf, sortOf } from './where.ts';

export async function words(
  question: Question & { readonly limit: number },
  ask: Ask,
): Promise<{ readonly values: readonly ValueCount[]; readonly total: number; readonly distinct: number }> {
  const withMessage = { term: { [FIELD.fields]: fieldTerm(ownKey('message'), MARK.string) } };
  const query = allOf([await conditionOf(question, ask), withMessage]);
  const found = await ask({ ...ONLY_TOTAL, query });
  const total = found === undefined ? 0 : totalOf(found);
  const counts = new Map<string, number>();
  let sampled = 0;
  for await (const message of newestMessages(query, ask)) {
    sampled++;
    for (const word of new Set(tokenize(message))) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const values = Array.from(counts, ([value, count]) => ({ value, count: Math.round((count / sampled) * total) }));
  values.sort((a, b) => b.count - a.count || compareText(a.value, b.value));
  return { values: values.slice(0, question.limit), total, distinct: counts.size };
}

async function* newestMessages(query: Condition, ask: Ask): AsyncGenerator<string> {
  let left: number = QUERY_LIMITS.fieldSample;
  let chars = 0;
  for (let after: readonly unknown[] | undefined; left > 0 && chars < QUERY_LIMITS.sampleChars; ) {
    const body = await ask({
      size: Math.min(left, QUERY_LIMITS.page),
      query,
      sort: sortOf('desc'),
      track_total_hits: false,
      _source: [`${FIELD.event}.message`],
      ...(after && { search_after: after }),
    });
    const hits = body === undefined ? [] : listAt(body, 'hits', 'hits');
    for (const hit of hits) {
      const message = textAt(hit, '_source', FIELD.event, 'message') ?? '';
      chars += message.length;
      yield message;
    }
    left = hits.length < QUERY_LIMITS.page ? 0 : left - hits.length;
    after = hits.length === 0 ? undefined : listAt(hits.at(-1), 'sort');
  }
}
