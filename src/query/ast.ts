/**
 * The query language's tree: Lucene's query string as Kibana users write it, parsed once (parse.ts), printed back
 * (print.ts) and compiled to targets: a predicate over one event (predicate.ts), SQL (search/clickhouse), OpenSearch.
 * Positions are offsets in UTF-16 code units of the query text, [start, end).
 */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Where a value is looked for. `own`: a member of the event itself; others: a path of keys below metadata or payload. */
export type FieldRef =
  | { readonly root: 'own'; readonly name: OwnField }
  | { readonly root: 'metadata' | 'payload'; readonly path: readonly string[] };

export const OWN_FIELDS = [
  'id',
  'type',
  'source',
  'tenant',
  'timestamp',
  'received',
  'level',
  'message',
  'tags',
] as const;
export type OwnField = (typeof OWN_FIELDS)[number];

export interface Bound {
  /** As written; undefined for `*`. */
  readonly value: string | undefined;
  readonly inclusive: boolean;
}

export type QueryNode =
  | { readonly kind: 'all'; readonly span: Span }
  | { readonly kind: 'and' | 'or'; readonly children: readonly QueryNode[]; readonly span: Span }
  | { readonly kind: 'not'; readonly child: QueryNode; readonly span: Span }
  /** One value, exact for keywords and numbers, one or more tokens (all of them) for `message`. */
  | { readonly kind: 'term'; readonly field: FieldRef; readonly value: string; readonly span: Span }
  /** A quoted text: consecutive tokens in `message`, an exact value elsewhere. */
  | { readonly kind: 'phrase'; readonly field: FieldRef; readonly value: string; readonly span: Span }
  /** `pattern` is a list of literal texts and wildcards; anchored. */
  | {
      readonly kind: 'wildcard';
      readonly field: FieldRef;
      readonly pattern: readonly WildcardPart[];
      readonly span: Span;
    }
  | { readonly kind: 'regexp'; readonly field: FieldRef; readonly source: string; readonly span: Span }
  | { readonly kind: 'range'; readonly field: FieldRef; readonly from: Bound; readonly to: Bound; readonly span: Span }
  | { readonly kind: 'exists'; readonly field: FieldRef; readonly span: Span };

/** The nodes that ask one thing of one field. */
export type LeafNode = Extract<QueryNode, { readonly field: FieldRef }>;

export type WildcardPart = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'any' | 'one' };
