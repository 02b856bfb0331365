/**
 * Layouts of lines: a template in which `%P` stands for the PRI's number, `%T…;` for the time in a form, `%h %a %p %i`
 * for host, app, procid and msgid, `%m` for the message, `[id` begins an element of structured data and `$name` is one
 * of its parameters with its value (`$/name` where the payload has it under the SD-ID). `%%`, `%$` and `%[` are
 * characters. Such as `<%P>1 %TI3Z; %h %a %p %i [c@1 $team $status] %m`.
 */
import type { JsonObject, JsonValue, StoredEvent } from '../../event/event.ts';
import { decodeKey, encodeKey, pathOfKey } from './key.ts';
import { printTime } from './time-form.ts';

type Step =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'pri' | 'message' }
  | { readonly kind: 'time'; readonly form: string }
  | { readonly kind: 'header'; readonly name: 'host' | 'app' | 'procid' | 'msgid' }
  | { readonly kind: 'param'; readonly name: string; readonly path: readonly string[]; readonly index: number };

const HEADERS = { h: 'host', a: 'app', p: 'procid', i: 'msgid' } as const;
const TOKEN = /%T([^;]*);|%(.)|\[([\w@.%-]*)|\$(\/?)([\w@.%-]*)|([^%[$]+)/gsu;

export function elementToken(id: string): string {
  return `[${encodeKey(id)}`;
}

export function paramToken(name: string, underId: boolean): string {
  return `$${underId ? '/' : ''}${encodeKey(name)}`;
}

/** The line, or undefined where the event does not have what the template needs. */
export function rebuildLine(event: StoredEvent, template: string): string | undefined {
  const steps = parseTemplate(template);
  const repeated = repetitions(steps);
  let line = '';
  for (const step of steps) {
    const part = rebuildStep(event, step, repeated);
    if (part === undefined) return undefined;
    line += part;
  }
  return line;
}

function parseTemplate(template: string): readonly Step[] {
  const steps: Step[] = [];
  const counts = new Map<string, number>();
  let id = '';
  for (const [, form, char = '', element, slash, param, text] of template.matchAll(TOKEN)) {
    if (form !== undefined) steps.push({ kind: 'time', form });
    else if (element !== undefined) {
      id = decodeKey(element);
      steps.push({ kind: 'text', text: `[${id}` });
    } else if (param !== undefined) {
      const name = decodeKey(param);
      const path = [...(slash === '/' ? pathOfKey(id) : []), ...pathOfKey(name)];
      const index = counts.get(path.join('\0')) ?? 0;
      counts.set(path.join('\0'), index + 1);
      steps.push({ kind: 'param', name, path, index });
    } else steps.push(text === undefined ? stepOf(char) : { kind: 'text', text });
  }
  return steps;
}

function stepOf(char: string): Step {
  if (char === 'P') return { kind: 'pri' };
  if (char === 'm') return { kind: 'message' };
  if (char === 'h' || char === 'a' || char === 'p' || char === 'i') return { kind: 'header', name: HEADERS[char] };
  return { kind: 'text', text: char };
}

/** Paths that more than one parameter has: their values are an array. */
function repetitions(steps: readonly Step[]): ReadonlySet<string> {
  return new Set(steps.flatMap((step) => (step.kind === 'param' && step.index > 0 ? [step.path.join('\0')] : [])));
}

function rebuildStep(event: StoredEvent, step: Step, repeated: ReadonlySet<string>): string | undefined {
  switch (step.kind) {
    case 'text':
      return step.text;
    case 'message':
      return event.message;
    case 'pri':
      return String(Number(event.metadata.facility) * 8 + Number(event.metadata.severity));
    case 'header':
      return textOf(event.metadata[step.name]);
    case 'time':
      return printTime(event.timestamp, textOf(event.metadata.sub_ms) ?? '', step.form);
    case 'param': {
      const found = valueAt(event.payload, step.path);
      const value = repeated.has(step.path.join('\0')) && Array.isArray(found) ? found[step.index] : found;
      const text = textOf(value);
      return text === undefined ? undefined : `${step.name}="${text.replace(/["\\\]]/g, '\\$&')}"`;
    }
  }
}

function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

/** What stands at a path of own members. */
export function valueAt(root: JsonObject, path: readonly string[]): JsonValue | undefined {
  let value: JsonValue | undefined = root;
  for (const key of path) {
    if (value === null || typeof value !== 'object' || Array.isArray(value) || !Object.hasOwn(value, key)) {
      return undefined;
    }
    value = value[key];
  }
  return value;
}
