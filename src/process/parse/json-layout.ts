/** The layout (layout/json.ts) of what a JSON line says, member by member; undefined where it cannot be rebuilt. */
import { encodeKey } from '../layout/key.ts';
import type { JsonMember, JsonNode, JsonStyle } from '../normalise/json-reader.ts';
import { storeNumber } from '../text/numbers.ts';

export function layOutStyle(style: JsonStyle): string {
  return `J${style.colonSpaced ? 'k' : ''}${style.commaSpaced ? 'c' : ''}${style.ascii ? 'u' : ''}`;
}

/** A member with a form of its own. */
export function layOutFormed(key: string, form: string | undefined): string | undefined {
  return form === undefined ? undefined : `${encodeKey(key)}:${form}`;
}

/** A member as payload keeps it. */
export function layOutMember(text: string, key: string, node: JsonNode): string | undefined {
  switch (node.kind) {
    case 'string':
      return encodeKey(key);
    case 'number': {
      const { form } = storeNumber(text.substring(node.start, node.end));
      return form === '' ? encodeKey(key) : layOutFormed(key, form);
    }
    case 'literal':
      return node.value === null ? layOutFormed(key, 'n') : encodeKey(key);
    case 'array':
      if (node.items.length === 0) return layOutFormed(key, 'ea');
      return isPlainArray(text, node.items) ? encodeKey(key) : undefined;
    case 'object':
      if (node.members.length === 0) return layOutFormed(key, 'eo');
      return layOutObject(text, `${encodeKey(key)}{`, node.members);
    default:
      return undefined;
  }
}

/** `head` opens the object, such as `key{`. */
export function layOutObject(text: string, head: string, members: readonly JsonMember[]): string | undefined {
  const tokens: string[] = [head];
  const keys = new Set<string>();
  for (const { key, node } of members) {
    const token = keys.has(key) ? undefined : layOutMember(text, key, node);
    if (token === undefined) return undefined;
    keys.add(key);
    tokens.push(token);
  }
  tokens.push('}');
  return tokens.join(' ');
}

/** An array that an event keeps as it is: of strings, of booleans, or of numbers as JavaScript prints them. */
function isPlainArray(text: string, items: readonly JsonNode[]): boolean {
  const kind = items[0]?.kind;
  return items.every((item) => {
    if (item.kind !== kind) return false;
    if (item.kind === 'number') return storeNumber(text.substring(item.start, item.end)).form === '';
    return item.kind === 'string' || (item.kind === 'literal' && item.value !== null);
  });
}
