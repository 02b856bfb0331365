/**
 * A JSON column of a block, in the flattened serialization of Native (version 3): the paths that occur, each a Dynamic
 * column, that is the types that occur at it, one type number a row, and the values of each type one after another.
 * No text is parsed by the engine, which is what made inserts slow (docs/decisions/2026-11-23-search-store-schema.md).
 */
import { SpillwayError } from '../../../lib/errors.ts';
import { STORE_LIMITS } from '../../../lib/limits.ts';
import { JSON_TYPES, type JsonType } from '../schema.ts';
import { ArrayColumn, ByteSink, type ColumnData, NumberColumn, StringColumn } from './columns.ts';
import { PathTexts } from './path-texts.ts';

const FLATTENED = 3;
const ABSENT = 255;

interface TypedValues {
  readonly string: PathTexts;
  readonly number: NumberColumn;
  readonly boolean: NumberColumn;
  readonly strings: ArrayColumn<StringColumn>;
  readonly numbers: ArrayColumn<NumberColumn>;
  readonly booleans: ArrayColumn<NumberColumn>;
  readonly objects: ArrayColumn<JsonColumn>;
}

/** What is pushed; whether texts are stored as words follows from them. */
type PushedType = keyof TypedValues;

const CREATE: { readonly [Type in Exclude<PushedType, 'string'>]: () => TypedValues[Type] } = {
  number: () => new NumberColumn('Float64'),
  boolean: () => new NumberColumn('UInt8'),
  strings: () => new ArrayColumn(new StringColumn()),
  numbers: () => new ArrayColumn(new NumberColumn('Float64')),
  booleans: () => new ArrayColumn(new NumberColumn('UInt8')),
  objects: () => new ArrayColumn(new JsonColumn()),
};

/** The values of one path. */
export class PathColumn {
  readonly path: string;
  readonly texts: PathTexts;
  readonly #numbers = new ByteSink(64);
  #rows = 0;
  #values = 0;
  readonly #types: { readonly type: PushedType; readonly column: ColumnData }[] = [];
  #byType: { [Type in PushedType]?: { readonly index: number; readonly column: TypedValues[Type] } } = {};

  constructor(path: string, hasWords: boolean) {
    this.path = path;
    this.texts = new PathTexts(hasWords);
  }

  /** The values of one type, for one value to be pushed as row `row`. A row has one value a path. */
  at<Type extends PushedType>(type: Type, row: number): TypedValues[Type] {
    if (row < this.#rows) {
      throw new SpillwayError('EVENT_REFUSED', `The path ${this.path} occurs twice in one event.`);
    }
    const known = this.#byType[type] ?? this.#add(type);
    const numbers = this.#numbers;
    numbers.reserve(row - this.#rows + 1);
    while (this.#rows < row) {
      numbers.bytes[numbers.at++] = ABSENT;
      this.#rows++;
    }
    numbers.bytes[numbers.at++] = known.index;
    this.#rows++;
    this.#values++;
    return known.column;
  }

  /** Types that occur. */
  *typesPresent(): Generator<JsonType> {
    for (const { type, column } of this.#types) if (column.rows > 0) yield this.#stored(type);
  }

  get isEmpty(): boolean {
    return this.#values === 0;
  }

  writePrefix(sink: ByteSink): void {
    sink.uint64(FLATTENED);
    sink.varuint(this.#types.length);
    for (const { type } of this.#types) sink.text(JSON_TYPES[this.#stored(type)]);
    for (const { column } of this.#types) column.writePrefix(sink);
  }

  pieces(into: Buffer[], rows: number): void {
    const numbers = this.#numbers;
    const absent = this.#types.length;
    numbers.reserve(rows - this.#rows);
    numbers.bytes.fill(absent, numbers.at, numbers.at + rows - this.#rows);
    if (this.#values < this.#rows) {
      for (let i = 0; i < this.#rows; i++) if (numbers.bytes[i] === ABSENT) numbers.bytes[i] = absent;
    }
    into.push(numbers.bytes.subarray(0, rows));
    for (const { column } of this.#types) column.pieces(into);
  }

  truncate(rows: number): void {
    if (this.#rows <= rows) return;
    this.#rows = rows;
    this.#numbers.at = rows;
    const counts = new Array<number>(this.#types.length).fill(0);
    this.#values = 0;
    for (const number of this.#numbers.used()) {
      if (number === ABSENT) continue;
      counts[number] = (counts[number] ?? 0) + 1;
      this.#values++;
    }
    for (const [i, { column }] of this.#types.entries()) column.truncate(counts[i] ?? 0);
  }

  /** Empty again. Types that did not occur are forgotten, so that they are not declared for ever. */
  clear(): void {
    const forget = this.#types.some(({ column }) => column.rows === 0);
    this.texts.clear();
    this.#rows = 0;
    this.#values = 0;
    this.#numbers.at = 0;
    if (forget) {
      this.#types.length = 0;
      this.#byType = {};
    } else for (const { column } of this.#types) column.clear();
  }

  #add<Type extends PushedType>(type: Type): { readonly index: number; readonly column: TypedValues[Type] } {
    const create: { readonly [T in PushedType]: () => TypedValues[T] } = { ...CREATE, string: () => this.texts };
    const added: { readonly index: number; readonly column: TypedValues[Type] } = {
      index: this.#types.length,
      column: create[type](),
    };
    (this.#byType as { [T in Type]?: typeof added })[type] = added;
    this.#types.push({ type, column: added.column });
    return added;
  }

  #stored(type: PushedType): JsonType {
    return type === 'string' && this.texts.isWords ? 'word' : type;
  }
}

/** A place in the tree of keys; remembers the order in which its members came last, since the next event is alike. */
export class KeyNode {
  readonly key: Buffer;
  readonly path: string;
  readonly sequence: KeyNode[] = [];
  readonly #children = new Map<string, KeyNode>();
  #column: PathColumn | undefined;
  readonly #owner: JsonColumn;

  constructor(owner: JsonColumn, key: Buffer, path: string) {
    this.#owner = owner;
    this.key = key;
    this.path = path;
  }

  child(key: string): KeyNode {
    let child = this.#children.get(key);
    if (child === undefined) {
      child = new KeyNode(this.#owner, Buffer.from(key), this.path === '' ? key : `${this.path}.${key}`);
      this.#children.set(key, child);
    }
    return child;
  }

  get column(): PathColumn {
    this.#column ??= this.#owner.pathColumn(this.path);
    return this.#column;
  }
}

export class JsonColumn implements ColumnData {
  root: KeyNode = new KeyNode(this, Buffer.alloc(0), '');
  readonly #paths = new Map<string, PathColumn>();
  readonly #hasWords: (path: string) => boolean;
  rows = 0;

  /** `hasWords`: which paths may give their texts as words. Within arrays of objects none may. */
  constructor(hasWords: (path: string) => boolean = () => false) {
    this.#hasWords = hasWords;
  }

  pathColumn(path: string): PathColumn {
    let column = this.#paths.get(path);
    if (column === undefined) {
      column = new PathColumn(path, this.#hasWords(path));
      this.#paths.set(path, column);
    }
    return column;
  }

  /** Paths outside arrays, with the types that occur at them. */
  *pathTypes(): Generator<readonly [type: JsonType, path: string]> {
    for (const column of this.#paths.values()) for (const type of column.typesPresent()) yield [type, column.path];
  }

  get pathCount(): number {
    return this.#paths.size;
  }

  /** Ends a row: what was not given is absent. */
  endRow(): void {
    this.rows++;
  }

  writePrefix(sink: ByteSink): void {
    const paths = this.#present();
    sink.uint64(FLATTENED);
    sink.varuint(paths.length);
    for (const { path } of paths) sink.text(path);
    for (const path of paths) path.writePrefix(sink);
  }

  pieces(into: Buffer[]): void {
    for (const path of this.#present()) path.pieces(into, this.rows);
  }

  truncate(rows: number): void {
    this.rows = Math.min(this.rows, rows);
    for (const path of this.#paths.values()) path.truncate(rows);
  }

  /** Empty again. Paths and words are remembered, since the next block is alike, unless they are many. */
  clear(): void {
    this.rows = 0;
    let wordBytes = 0;
    for (const { texts } of this.#paths.values()) wordBytes += texts.wordBytes;
    if (this.#paths.size > STORE_LIMITS.rememberedPaths || wordBytes > STORE_LIMITS.rememberedWordBytes) {
      this.#paths.clear();
      this.root = new KeyNode(this, Buffer.alloc(0), '');
    } else for (const path of this.#paths.values()) path.clear();
  }

  #present(): PathColumn[] {
    return [...this.#paths.values()].filter((path) => !path.isEmpty);
  }
}
