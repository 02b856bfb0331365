/**
 * Everything that makes up a view, to and from the address: what a colleague needs to see the same. Defaults are left
 * out, unknown or broken parameters fall back to the default, and `printView(readView(x))` is stable.
 */
import { DEFAULT_RANGE, resolveTime, type TimeRange } from './time-range.ts';

export interface View {
  readonly q: string;
  readonly range: TimeRange;
  readonly order: 'desc' | 'asc';
  /** Fields shown as columns between the level and the message. */
  readonly columns: readonly string[];
  /** Id of the expanded event. */
  readonly event: string | undefined;
  /** Id of the event whose neighbours are shown. */
  readonly context: string | undefined;
  readonly live: boolean;
  /** Milliseconds between automatic runs; 0 is off. */
  readonly refreshMs: number;
}

export const DEFAULT_COLUMNS: readonly string[] = ['app', 'host'];
export const MAX_COLUMNS = 12;
export const REFRESH_CHOICES_MS: readonly number[] = [0, 5_000, 10_000, 30_000, 60_000, 300_000];
const MAX_ID_CHARS = 200;

export const DEFAULT_VIEW: View = {
  q: '',
  range: DEFAULT_RANGE,
  order: 'desc',
  columns: DEFAULT_COLUMNS,
  event: undefined,
  context: undefined,
  live: false,
  refreshMs: 0,
};

/** `search` is the address's query part, with or without its question mark. */
export function readView(search: string): View {
  const params = new URLSearchParams(search);
  const range = { from: params.get('from') ?? DEFAULT_RANGE.from, to: params.get('to') ?? DEFAULT_RANGE.to };
  const known = resolveTime(range.from, 0, 'start') !== undefined && resolveTime(range.to, 0, 'end') !== undefined;
  const columns = params.get('columns');
  const refreshMs = Number(params.get('refresh') ?? 0) * 1_000;
  return {
    q: params.get('q') ?? '',
    range: known ? range : DEFAULT_RANGE,
    order: params.get('order') === 'asc' ? 'asc' : 'desc',
    columns: columns === null ? DEFAULT_COLUMNS : readColumns(columns),
    event: readId(params.get('event')),
    context: readId(params.get('context')),
    live: params.get('live') === '1',
    refreshMs: REFRESH_CHOICES_MS.includes(refreshMs) ? refreshMs : 0,
  };
}

/** Without a question mark; empty for the default view. */
export function printView(view: View): string {
  const params = new URLSearchParams();
  if (view.q !== '') params.set('q', view.q);
  if (view.range.from !== DEFAULT_RANGE.from || view.range.to !== DEFAULT_RANGE.to) {
    params.set('from', view.range.from);
    params.set('to', view.range.to);
  }
  if (view.order === 'asc') params.set('order', 'asc');
  if (view.columns.join('\n') !== DEFAULT_COLUMNS.join('\n'))
    params.set('columns', view.columns.map(guardCommas).join(','));
  if (view.live) params.set('live', '1');
  if (view.refreshMs > 0) params.set('refresh', String(view.refreshMs / 1_000));
  if (view.event !== undefined) params.set('event', view.event);
  if (view.context !== undefined) params.set('context', view.context);
  return params.toString().replaceAll('%2C', ',').replaceAll('%3A', ':');
}

/** Adds the column, or takes it away. */
export function toggleColumn(columns: readonly string[], name: string): readonly string[] {
  if (columns.includes(name)) return columns.filter((column) => column !== name);
  return columns.length < MAX_COLUMNS ? [...columns, name] : columns;
}

function readColumns(text: string): readonly string[] {
  const names = text.split(/(?<!\\),/).map((part) => part.replaceAll(/\\([\\,])/g, '$1'));
  return [...new Set(names.filter((name) => name !== ''))].slice(0, MAX_COLUMNS);
}

function guardCommas(name: string): string {
  return name.replaceAll(/[\\,]/g, '\\$&');
}

function readId(text: string | null): string | undefined {
  return text === null || text === '' || text.length > MAX_ID_CHARS ? undefined : text;
}
