/** Events as text: a line for people, an object a line for programs, or CSV (RFC 4180). */
import type { AnsweredEvent, JsonValue } from '../event/event.ts';
import { choiceOption, type Invocation } from './command.ts';
import type { Output } from './output.ts';
import { visible, visibleLines } from './table.ts';
import { shownTime } from './times.ts';

export const FORMATS = ['table', 'ndjson', 'csv'] as const;
export type Format = (typeof FORMATS)[number];

export const FORMAT_OPTION = {
  format: {
    type: 'string',
    short: 'f',
    value: 'FORMAT',
    description: 'table, ndjson or csv. Default: table on a terminal, ndjson in a pipe.',
  },
} as const;

export function chosenFormat(invocation: Invocation): Format {
  return choiceOption(invocation, 'format', FORMATS) ?? (invocation.output.isTerminal ? 'table' : 'ndjson');
}

const CSV_COLUMNS = [
  'timestamp',
  'received',
  'level',
  'source',
  'type',
  'message',
  'tags',
  'metadata',
  'payload',
  'id',
] as const;

export const CSV_HEADER = `${CSV_COLUMNS.join(',')}\r\n`;

export function showEvent(event: AnsweredEvent, format: Format, output: Output): string {
  if (format === 'ndjson') return `${JSON.stringify(event)}\n`;
  return format === 'csv' ? csvLine(event) : tableLine(event, output);
}

function csvLine(event: AnsweredEvent): string {
  const cells = CSV_COLUMNS.map((column) => {
    const value = event[column];
    const text = value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  });
  return `${cells.join(',')}\r\n`;
}

const LEVEL_STYLES: Readonly<Record<string, Parameters<Output['style']>[0]>> = {
  fatal: ['bold', 'red'],
  error: 'red',
  warn: 'yellow',
  info: 'green',
};
const LEVEL_WIDTH = 5;

function tableLine(event: AnsweredEvent, output: Output): string {
  const level = event.level ?? '';
  const padded = visible(level).padEnd(LEVEL_WIDTH);
  const style = LEVEL_STYLES[level];
  const message = event.message ?? '';
  // What the message says in the same words (a line of key=value) is not said twice.
  const facts = flatten(event.payload, '')
    .map(([name, value]) => `${name}=${value}`)
    .filter((fact) => !message.includes(fact));
  const parts = [
    output.style('dim', shownTime(event.timestamp)),
    style === undefined ? padded : output.style(style, padded),
    output.style('cyan', visible(event.source)),
    visibleLines(message),
    ...(facts.length === 0 ? [] : [output.style('dim', visible(facts.join(' ')))]),
  ];
  return `${parts.join('  ')}\n`;
}

/** `{a: {b: 1}}` as `a.b=1`; what is deeper or longer stays JSON. */
function flatten(value: JsonValue, prefix: string): [string, string][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return prefix === '' && value === null ? [] : [[prefix || 'payload', scalarText(value)]];
  }
  return Object.entries(value).flatMap(([name, member]) => flatten(member, prefix === '' ? name : `${prefix}.${name}`));
}

function scalarText(value: JsonValue): string {
  return typeof value === 'string' && value !== '' && !/[\s="]/.test(value) ? value : JSON.stringify(value);
}
