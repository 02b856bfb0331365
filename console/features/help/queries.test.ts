import { expect, test } from 'vitest';
import { checkQuery } from '../../lib/clauses.ts';
import { QUERIES } from './queries.ts';

test.each(QUERIES)('the example %s can be run (%s)', (query) => {
  expect(checkQuery(query)).toBeUndefined();
});
