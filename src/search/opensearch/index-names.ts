/** Names of indices in the path of a request: an engine takes so many characters of it and no more. */
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';

/** Parameters of a request that is about those of its indices that there are, and that are open. */
export const WHERE_THERE = 'ignore_unavailable=true&allow_no_indices=true';

/** All of them, in as few paths as it takes: one where they are few. A name is never cut. */
export function namesForPaths(indices: readonly string[]): readonly string[] {
  const paths: string[] = [];
  let names = '';
  for (const index of indices) {
    if (names !== '' && names.length + 1 + index.length > OPENSEARCH_LIMITS.pathChars) {
      paths.push(names);
      names = '';
    }
    names += names === '' ? index : `,${index}`;
  }
  return names === '' ? paths : [...paths, names];
}
