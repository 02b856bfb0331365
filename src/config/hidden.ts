/**
 * What of the configuration is shown nowhere, since what is printed gets into tickets and chats: the values of options that
 * the schema marks as secret, and, in what is refused, who logs in at an address (`https://name:password@host`): no option takes such a one.
 */
import type { TSchema } from 'typebox';
import { HIDDEN, withoutLogin } from '../lib/without-login.ts';
import { entriesOf, propertiesOf, shapeOf } from './shape.ts';
import type { WrittenTree } from './tree.ts';

/** Nothing but a reference: it says where the secret is, and is none. */
const REFERENCE = /^\$\{(?:file|env):[^}]*\}$/;

/** As written: a secret is shown as its reference, or not at all. */
export function shownValue(schema: TSchema, node: WrittenTree): unknown {
  if (shapeOf(schema)['x-secret'] !== true) return asWritten(node);
  return node.kind === 'leaf' && (node.value === null || isReference(node.value)) ? node.value : HIDDEN;
}

function asWritten(node: WrittenTree): unknown {
  if (node.kind === 'leaf') return node.value;
  if (node.kind === 'list') return node.items.map(asWritten);
  return Object.fromEntries([...node.members].map(([name, member]) => [name, asWritten(member.node)]));
}

/** A value that cannot be, for a sentence: `"inf"`, `a list`. */
export function refusedValue(schema: TSchema, node: WrittenTree): string {
  if (node.kind !== 'leaf') return node.kind === 'list' ? 'a list' : 'a section';
  const { value } = node;
  if (!holdsSecret(schema) || isReference(value)) {
    return JSON.stringify(typeof value === 'string' ? withoutLogin(value) : value);
  }
  if (value === '') return 'empty';
  return `${typeof value === 'string' ? 'text' : `a ${typeof value}`} that is not shown`;
}

/** Also where a secret belongs below it: what stands in its place may be one. */
function holdsSecret(schema: TSchema): boolean {
  if (shapeOf(schema)['x-secret'] === true) return true;
  const entries = entriesOf(schema);
  const below = propertiesOf(schema).map(([, option]) => option);
  return [...below, ...(entries === undefined ? [] : [entries])].some(holdsSecret);
}

const isReference = (value: unknown): boolean => typeof value === 'string' && REFERENCE.test(value);
