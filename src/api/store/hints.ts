/**
 * Why an answer is empty: a field that no event of the range has is not an error, since fields need no schema, but it
 * is most often a slip of the pen. Asked only where an answer is empty; what it costs is bounded like any question.
 */
import { SpillwayError } from '../../lib/errors.ts';
import { suggest } from '../../lib/suggest.ts';
import type { FieldRef, QueryNode } from '../../query/ast.ts';
import { fieldName, sameField } from '../../query/fields.ts';
import type { Question, SearchReader } from '../../search/port.ts';

const MOST_FIELDS = 3;

/** `{hints}` where there is something to say, else `{}`. `also` are fields named apart from the query. */
export async function hintsFor(
  reader: SearchReader,
  question: Question,
  isEmpty: boolean,
  also: readonly FieldRef[] = [],
): Promise<{ hints?: string[] }> {
  if (!isEmpty) return {};
  const named = [...fieldsIn(question.query), ...also].filter(({ root }) => root !== 'own');
  const different = named.filter((field, i) => named.findIndex((other) => sameField(field, other)) === i);
  try {
    const hints = await unknownOf(reader, question, different.slice(0, MOST_FIELDS));
    return hints.length === 0 ? {} : { hints };
  } catch (error) {
    // The answer itself is right; it only goes without a hint.
    if (error instanceof SpillwayError) return {};
    throw error;
  }
}

async function unknownOf(reader: SearchReader, question: Question, fields: readonly FieldRef[]): Promise<string[]> {
  const { span } = question.query;
  const unknown: FieldRef[] = [];
  for (const field of fields) {
    const query: QueryNode = { kind: 'exists', field, span };
    if ((await reader.count({ ...question, query })) === 0) unknown.push(field);
  }
  if (unknown.length === 0) return [];
  const known = (await reader.fields({ ...question, query: { kind: 'all', span } })).map(({ name }) => name);
  return unknown.map((field) => {
    const name = fieldName(field);
    const near = suggest(name, known);
    return `No event of this range has the field ${name}.${near === undefined ? '' : ` Did you mean ${near}?`}`;
  });
}

function fieldsIn(node: QueryNode): FieldRef[] {
  switch (node.kind) {
    case 'all':
      return [];
    case 'and':
    case 'or':
      return node.children.flatMap(fieldsIn);
    case 'not':
      return fieldsIn(node.child);
    default:
      return [node.field];
  }
}
