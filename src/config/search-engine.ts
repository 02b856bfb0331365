/** Options of the search engine that do not go together. */
import type { Problem } from './problem.ts';
import type { Config } from './schema.ts';

export function searchProblems(
  { search }: Config,
  written: ReadonlyMap<string, { readonly where: string }>,
): readonly Problem[] {
  const where = (option: string) => written.get(option)?.where ?? 'default';
  if (search.engine === 'embedded') {
    const { nodes, username, password } = search;
    if (nodes.length === 0 && username === undefined && password === undefined) return [];
    const what =
      'search.nodes, username and password are for a cluster: set search.engine to opensearch, or remove them.';
    return [{ where: where('search.engine'), what }];
  }
  if (search.nodes.length > 0) return [];
  const what = 'search.engine opensearch needs search.nodes, such as [https://search-1:9200].';
  return [{ where: where('search.engine'), what }];
}
