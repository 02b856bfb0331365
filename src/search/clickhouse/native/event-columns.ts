/** The columns of schema.ts as one block of Native has them, and the bytes of such a block. */
import { EVENT_COLUMNS, INDEXED_IDS } from '../schema.ts';
import { ArrayColumn, ByteSink, type ColumnData, NumberColumn, StringColumn } from './columns.ts';
import { JsonColumn } from './json-column.ts';

/** Their index is on texts. */
const IDS: ReadonlySet<string> = new Set(INDEXED_IDS);

/** `hasWords`: whether texts of paths may be words (path-texts.ts). */
export function createColumns(hasWords: boolean) {
  return {
    retention_days: new NumberColumn('UInt16'),
    slice_day: new NumberColumn('UInt32'),
    queue_partition: new NumberColumn('UInt16'),
    queue_offset: new NumberColumn('Int64'),
    tenant: new StringColumn(),
    timestamp: new NumberColumn('Int64'),
    delay: new NumberColumn('Int64'),
    id_site: new StringColumn(),
    id_topic: new StringColumn(),
    id_shift: new NumberColumn('Int32'),
    id_lag: new NumberColumn('Int64'),
    id_index: new NumberColumn('Int64'),
    type: new StringColumn(),
    source: new StringColumn(),
    level: new StringColumn(),
    messageless: new NumberColumn('UInt8'),
    message: new StringColumn(),
    tags: new ArrayColumn(new StringColumn()),
    metadata: new JsonColumn(() => hasWords),
    payload: new JsonColumn((path) => hasWords && !IDS.has(path)),
    layout: new StringColumn(),
    original: new StringColumn(),
    exact: new StringColumn(),
  };
}

export type EventColumns = ReturnType<typeof createColumns>;

/** In the order in which a block carries them. */
export const inBlockOrder = (columns: EventColumns): readonly ColumnData[] =>
  EVENT_COLUMNS.map(({ name }) => columns[name]);

/** A block's bytes, in pieces that are valid until a column changes. */
export function encodeBlock(data: readonly ColumnData[], rows: number): Buffer[] {
  const pieces: Buffer[] = [];
  const head = new ByteSink(64);
  head.varuint(EVENT_COLUMNS.length);
  head.varuint(rows);
  pieces.push(head.used());
  for (const [i, { name, type }] of EVENT_COLUMNS.entries()) {
    const prefix = new ByteSink(64);
    prefix.text(name);
    prefix.text(type);
    const column = data[i];
    column?.writePrefix(prefix);
    pieces.push(prefix.used());
    column?.pieces(pieces);
  }
  return pieces;
}
