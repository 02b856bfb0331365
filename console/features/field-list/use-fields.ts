import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { FieldsAnswer, ValuesAnswer } from '../../../src/api/schemas/index.ts';
import { getJson } from '../../lib/api.ts';
import type { Run } from '../../lib/use-run.ts';

export function useFields(q: string, run: Run, enabled: boolean) {
  return useQuery({
    queryKey: ['fields', q, run.fromMs, run.toMs],
    queryFn: ({ signal }) => getJson<FieldsAnswer>('api/fields', { q, from: run.fromMs, to: run.toMs }, signal),
    placeholderData: keepPreviousData,
    enabled,
  });
}

export function useValues(q: string, run: Run, field: string, limit: number, enabled = true) {
  return useQuery({
    queryKey: ['values', q, run.fromMs, run.toMs, field, limit],
    queryFn: ({ signal }) =>
      getJson<ValuesAnswer>('api/values', { q, from: run.fromMs, to: run.toMs, field, limit }, signal),
    placeholderData: keepPreviousData,
    enabled,
  });
}
