import { type InfiniteData, keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import type { AnsweredEvent, SearchAnswer } from '../../../src/api/schemas/index.ts';
import { getJson } from '../../lib/api.ts';
import type { View } from '../../lib/url-state.ts';
import type { Run } from '../../lib/use-run.ts';

const PAGE = 100;
/** More rows than anyone reads; past it the list says to narrow the question, so that memory stays bounded. */
export const MAX_PAGES = 100;

export interface Found {
  readonly events: readonly AnsweredEvent[];
  readonly hints: readonly string[];
  /** Whether the last page names a next one. */
  readonly more: boolean;
}

export function useSearch(view: View, run: Run, enabled: boolean) {
  return useInfiniteQuery({
    queryKey: ['search', view.q, run.fromMs, run.toMs, view.order],
    queryFn: ({ pageParam, signal }) => {
      const range = { from: run.fromMs, to: run.toMs };
      const parameters = { q: view.q, ...range, order: view.order, limit: PAGE, after: pageParam };
      return getJson<SearchAnswer>('api/search', parameters, signal);
    },
    initialPageParam: '',
    getNextPageParam: (page, pages) => (pages.length < MAX_PAGES ? page.next : undefined),
    select: gather,
    placeholderData: keepPreviousData,
    enabled,
  });
}

function gather({ pages }: InfiniteData<SearchAnswer>): Found {
  const [first] = pages;
  return {
    events: pages.flatMap((page) => page.events),
    hints: first?.hints ?? [],
    more: pages.at(-1)?.next !== undefined,
  };
}
