import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { HistogramAnswer } from '../../../src/api/schemas/index.ts';
import { getJson } from '../../lib/api.ts';
import type { Run } from '../../lib/use-run.ts';
import { stackLevels } from './stack.ts';

/** The chart before stays until the next is there. */
export function useHistogram(q: string, run: Run) {
  return useQuery({
    queryKey: ['histogram', q, run.fromMs, run.toMs],
    queryFn: async ({ signal }) => {
      const parameters = { q, from: run.fromMs, to: run.toMs, interval: 'auto', by: 'level' };
      return stackLevels(await getJson<HistogramAnswer>('api/histogram', parameters, signal));
    },
    placeholderData: keepPreviousData,
  });
}
