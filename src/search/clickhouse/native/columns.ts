/**
 * Columns of a block in ClickHouse's Native format, filled row by row: fixed-width numbers, strings, arrays. Each can be
 * cut back to a number of rows, which undoes a row that turned out to be bad; that walk is slow and rare.
 */
const FIRST_BYTES = 256;

/** Bytes that grow. */
export class ByteSink {
  bytes: Buffer;
  at = 0;

  constructor(firstBytes = FIRST_BYTES) {
    this.bytes = Buffer.allocUnsafeSlow(firstBytes);
  }

  reserve(room: number): void {
    if (this.at + room <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.at + room));
    this.bytes.copy(grown, 0, 0, this.at);
    this.bytes = grown;
  }

  /** LEB128, as Native writes lengths. */
  varuint(value: number): void {
    this.reserve(10);
    let rest = value;
    while (rest >= 0x80) {
      this.bytes[this.at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.bytes[this.at++] = rest;
  }

  uint64(value: number): void {
    this.reserve(8);
    writeInt64(this.bytes, this.at, value);
    this.at += 8;
  }

  text(value: string): void {
    const bytes = Buffer.from(value);
    this.varuint(bytes.length);
    this.reserve(bytes.length);
    bytes.copy(this.bytes, this.at);
    this.at += bytes.length;
  }

  used(): Buffer {
    return this.bytes.subarray(0, this.at);
  }
}

/** Two's complement, little-endian, of an integer within ±2^53. */
function writeInt64(bytes: Buffer, at: number, value: number): void {
  const high = Math.floor(value / 0x1_0000_0000);
  const low = value - high * 0x1_0000_0000;
  bytes[at] = low & 0xff;
  bytes[at + 1] = (low >>> 8) & 0xff;
  bytes[at + 2] = (low >>> 16) & 0xff;
  bytes[at + 3] = low >>> 24;
  bytes[at + 4] = high & 0xff;
  bytes[at + 5] = (high >> 8) & 0xff;
  bytes[at + 6] = (high >> 16) & 0xff;
  bytes[at + 7] = (high >> 24) & 0xff;
}

/** A column's data, without the name and type before it. */
export interface ColumnData {
  readonly rows: number;
  /** What stands before the data where the type has parts that differ from block to block. */
  writePrefix(sink: ByteSink): void;
  /** The data, in pieces. */
  pieces(into: Buffer[]): void;
  truncate(rows: number): void;
  clear(): void;
}

export type NumberWidth = 'UInt8' | 'UInt16' | 'UInt32' | 'Int32' | 'Int64' | 'Float64';
const WIDTH_BYTES: Readonly<Record<NumberWidth, number>> = {
  UInt8: 1,
  UInt16: 2,
  UInt32: 4,
  Int32: 4,
  Int64: 8,
  Float64: 8,
};

export class NumberColumn implements ColumnData {
  readonly #sink: ByteSink;
  readonly #kind: NumberWidth;
  readonly #width: number;
  readonly #double = new Float64Array(1);
  readonly #doubleBytes = new Uint8Array(this.#double.buffer);

  constructor(kind: NumberWidth) {
    this.#kind = kind;
    this.#width = WIDTH_BYTES[kind];
    this.#sink = new ByteSink();
  }

  get rows(): number {
    return this.#sink.at / this.#width;
  }

  push(value: number): void {
    const sink = this.#sink;
    sink.reserve(8);
    const { bytes, at } = sink;
    switch (this.#kind) {
      case 'UInt8':
        bytes[at] = value;
        break;
      case 'UInt16':
        bytes[at] = value & 0xff;
        bytes[at + 1] = value >>> 8;
        break;
      case 'UInt32':
      case 'Int32':
        bytes[at] = value & 0xff;
        bytes[at + 1] = (value >>> 8) & 0xff;
        bytes[at + 2] = (value >>> 16) & 0xff;
        bytes[at + 3] = value >>> 24;
        break;
      case 'Int64':
        writeInt64(bytes, at, value);
        break;
      case 'Float64':
        this.#double[0] = value;
        // A call to copy eight bytes takes several times as long.
        for (let i = 0; i < 8; i++) bytes[at + i] = this.#doubleBytes[i] ?? 0;
        break;
    }
    sink.at = at + this.#width;
  }

  /** 64 bits, modulo 2^64. */
  pushBig(value: bigint): void {
    this.#sink.reserve(8);
    this.#sink.at = this.#sink.bytes.writeBigUInt64LE(BigInt.asUintN(64, value), this.#sink.at);
  }

  /** The last value of an Int64 column that holds no negative ones; 0 in an empty one. */
  lastCount(): number {
    const { at, bytes } = this.#sink;
    return at === 0 ? 0 : bytes.readUIntLE(at - 8, 6);
  }

  writePrefix(): void {}

  pieces(into: Buffer[]): void {
    into.push(this.#sink.used());
  }

  truncate(rows: number): void {
    this.#sink.at = Math.min(this.#sink.at, rows * this.#width);
  }

  clear(): void {
    this.#sink.at = 0;
  }
}

/** Below this a loop copies faster than a call. */
const LOOP_COPY_BYTES = 32;

export class StringColumn implements ColumnData {
  readonly #sink = new ByteSink();
  #rows = 0;

  get rows(): number {
    return this.#rows;
  }

  /** `source[start, end)`, UTF-8. */
  pushBytes(source: Buffer, start: number, end: number): void {
    const length = end - start;
    const sink = this.#sink;
    sink.reserve(length + 10);
    if (length < 0x80) sink.bytes[sink.at++] = length;
    else sink.varuint(length);
    const { bytes } = sink;
    let at = sink.at;
    if (length < LOOP_COPY_BYTES) for (let i = start; i < end; i++) bytes[at++] = source[i] ?? 0;
    else at += source.copy(bytes, at, start, end);
    sink.at = at;
    this.#rows++;
  }

  pushText(value: string): void {
    this.#sink.text(value);
    this.#rows++;
  }

  pushEmpty(): void {
    this.#sink.reserve(1);
    this.#sink.bytes[this.#sink.at++] = 0;
    this.#rows++;
  }

  writePrefix(): void {}

  pieces(into: Buffer[]): void {
    into.push(this.#sink.used());
  }

  truncate(rows: number): void {
    if (rows >= this.#rows) return;
    const { bytes } = this.#sink;
    let at = 0;
    for (let row = 0; row < rows; row++) {
      let length = 0;
      let scale = 1;
      let byte = bytes[at++] ?? 0;
      while (byte >= 0x80) {
        length += (byte & 0x7f) * scale;
        scale *= 128;
        byte = bytes[at++] ?? 0;
      }
      at += length + byte * scale;
    }
    this.#sink.at = at;
    this.#rows = rows;
  }

  clear(): void {
    this.#sink.at = 0;
    this.#rows = 0;
  }
}

/** Ends of the arrays, then their elements. */
export class ArrayColumn<Element extends ColumnData> implements ColumnData {
  readonly elements: Element;
  readonly #ends = new NumberColumn('Int64');

  constructor(elements: Element) {
    this.elements = elements;
  }

  get rows(): number {
    return this.#ends.rows;
  }

  /** Ends an array: everything pushed into `elements` since the last call. */
  endArray(): void {
    this.#ends.push(this.elements.rows);
  }

  writePrefix(sink: ByteSink): void {
    this.elements.writePrefix(sink);
  }

  pieces(into: Buffer[]): void {
    this.#ends.pieces(into);
    this.elements.pieces(into);
  }

  truncate(rows: number): void {
    this.#ends.truncate(rows);
    this.elements.truncate(this.#ends.lastCount());
  }

  clear(): void {
    this.#ends.clear();
    this.elements.clear();
  }
}
