/** The query language on one card: each with what it finds. queries.test.ts parses them. */
export const QUERIES: readonly (readonly [string, string])[] = [
  ['timeout', 'the word in the message'],
  ['"connection refused"', 'the words next to each other'],
  ['level:error app:checkout', 'both must match'],
  ['level:(error OR fatal)', 'either'],
  ['NOT host:web-3', 'all others; also -host:web-3'],
  ['status:>=500', 'compared as a number'],
  ['duration:[100 TO 500}', 'from 100, below 500'],
  ['host:web-*', 'any ending; ? is one character'],
  ['message:/time(d|out)/', 'a regular expression on one token'],
  ['_exists_:trace_id', 'has the field'],
];
