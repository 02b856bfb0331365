/**
 * The texts of one path in a block. A path that has few different ones (an app, a host, a level) gives them as words:
 * each once, and a number for each row, which the engine stores as LowCardinality(String). Counting by such a path takes
 * a third of the CPU, see docs/decisions/2026-11-26-faster-questions.md. A path with more than STORE_LIMITS.pathWords of
 * them, or a long one, gives its texts as they are, from the block on in which that is found, until its column is
 * forgotten (JsonColumn.clear). So what was inserted says nothing about the type in another block.
 */
import { STORE_LIMITS } from '../../../lib/limits.ts';
import { areSameBytes, hashOfBytes } from './bytes.ts';
import { ByteSink, type ColumnData, StringColumn } from './columns.ts';

/** What takes texts one after another. */
export interface TextSink {
  /** `source[start, end)`, UTF-8. */
  pushBytes(source: Buffer, start: number, end: number): void;
  pushText(value: string): void;
}

const LOW_CARDINALITY_VERSION = 1;
/** Numbers of two bytes, and the words in front of them. */
const LAYOUT = 1 | (1 << 9);
const NUMBER_BYTES = 2;
const FIRST_SLOTS = 64;
/** What a word takes beside its text: an element of four lists, and slots. */
const WORD_BYTES = 4 * 8 + 2 * 4;
/** A word further from its place than this counts as one too many: nobody slows the store by texts of one hash. */
const MAX_PROBES = 64;

/** The words of a path, over many blocks; each has a number within the block that holds it. */
class Words {
  readonly bytes = new ByteSink(64);
  /** Where each begins, and where the last one ends. */
  readonly #starts: number[] = [0];
  readonly #hashes: number[] = [];
  /** One more than a word's index; 0 where there is none. */
  #slots = new Uint16Array(FIRST_SLOTS);
  /** Of each word: its number, in the block `#blocks` says. */
  readonly #numbers: number[] = [];
  readonly #blocks: number[] = [];
  #block = 0;
  /** Words of this block by their numbers. */
  readonly used: number[] = [];
  /** Values since the first word came. */
  #values = 0;

  /** Of memory, about. */
  get sizeBytes(): number {
    return this.bytes.at + this.#hashes.length * WORD_BYTES;
  }

  beginBlock(): void {
    this.#block++;
    this.used.length = 0;
    if (this.#values < STORE_LIMITS.pathWordsOf) return;
    // What came once in a long time is forgotten.
    this.bytes.at = 0;
    this.#starts.length = 1;
    this.#hashes.length = 0;
    this.#slots.fill(0);
    this.#numbers.length = 0;
    this.#blocks.length = 0;
    this.#values = 0;
  }

  /** The number of the word in this block; -1 where it is one too many. */
  numberOf(source: Buffer, start: number, end: number): number {
    if (end - start > STORE_LIMITS.pathWordBytes) return -1;
    const hash = hashOfBytes(source, start, end);
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (let probes = 0; probes < MAX_PROBES; probes++) {
      const word = (this.#slots[slot] ?? 0) - 1;
      if (word < 0) return this.#add(source, start, end, hash, slot);
      if (this.#hashes[word] === hash && this.#is(word, source, start, end)) return this.#numberIn(word);
      slot = (slot + 1) & mask;
    }
    return -1;
  }

  start(word: number): number {
    return this.#starts[word] ?? 0;
  }

  #is(word: number, source: Buffer, start: number, end: number): boolean {
    const from = this.#starts[word] ?? 0;
    const length = end - start;
    if ((this.#starts[word + 1] ?? 0) - from !== length) return false;
    return areSameBytes(this.bytes.bytes, from, source, start, length);
  }

  #add(source: Buffer, start: number, end: number, hash: number, slot: number): number {
    const word = this.#hashes.length;
    if (word >= STORE_LIMITS.pathWords) return -1;
    const { bytes } = this;
    bytes.reserve(end - start);
    source.copy(bytes.bytes, bytes.at, start, end);
    bytes.at += end - start;
    this.#starts.push(bytes.at);
    this.#hashes.push(hash);
    this.#slots[slot] = word + 1;
    this.#numbers.push(0);
    this.#blocks.push(0);
    if (this.#hashes.length * 2 > this.#slots.length) this.#grow();
    return this.#numberIn(word);
  }

  #grow(): void {
    this.#slots = new Uint16Array(this.#slots.length * 2);
    const mask = this.#slots.length - 1;
    for (const [word, hash] of this.#hashes.entries()) {
      let slot = hash & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = word + 1;
    }
  }

  #numberIn(word: number): number {
    this.#values++;
    if (this.#blocks[word] === this.#block) return this.#numbers[word] ?? 0;
    const number = this.used.length;
    this.#blocks[word] = this.#block;
    this.#numbers[word] = number;
    this.used.push(word);
    return number;
  }
}

export class PathTexts implements ColumnData, TextSink {
  readonly #texts = new StringColumn();
  /** Undefined where texts stand as they are. */
  #words: Words | undefined;
  readonly #numbers = new ByteSink(64);

  constructor(hasWords: boolean) {
    this.#words = hasWords ? new Words() : undefined;
    this.#words?.beginBlock();
  }

  get isWords(): boolean {
    return this.#words !== undefined;
  }

  get rows(): number {
    return this.isWords ? this.#numbers.at / NUMBER_BYTES : this.#texts.rows;
  }

  /** Of what is remembered beyond the block. */
  get wordBytes(): number {
    return this.#words?.sizeBytes ?? 0;
  }

  pushBytes(source: Buffer, start: number, end: number): void {
    if (this.#words !== undefined) {
      const number = this.#words.numberOf(source, start, end);
      if (number >= 0) {
        const numbers = this.#numbers;
        numbers.reserve(NUMBER_BYTES);
        numbers.bytes[numbers.at++] = number & 0xff;
        numbers.bytes[numbers.at++] = number >>> 8;
        return;
      }
      this.#writeOut(this.#words);
    }
    this.#texts.pushBytes(source, start, end);
  }

  pushText(value: string): void {
    const bytes = Buffer.from(value);
    this.pushBytes(bytes, 0, bytes.length);
  }

  writePrefix(sink: ByteSink): void {
    if (this.isWords) sink.uint64(LOW_CARDINALITY_VERSION);
  }

  pieces(into: Buffer[]): void {
    if (this.#words === undefined) {
      this.#texts.pieces(into);
      return;
    }
    if (this.rows === 0) return;
    const { used, bytes } = this.#words;
    const head = new ByteSink();
    head.uint64(LAYOUT);
    head.uint64(used.length);
    for (const word of used) {
      const [start, end] = [this.#words.start(word), this.#words.start(word + 1)];
      head.varuint(end - start);
      head.reserve(end - start);
      head.at += bytes.bytes.copy(head.bytes, head.at, start, end);
    }
    head.uint64(this.rows);
    into.push(head.used(), this.#numbers.used());
  }

  truncate(rows: number): void {
    if (this.isWords) this.#numbers.at = Math.min(this.#numbers.at, rows * NUMBER_BYTES);
    else this.#texts.truncate(rows);
  }

  clear(): void {
    this.#numbers.at = 0;
    this.#texts.clear();
    this.#words?.beginBlock();
  }

  /** The rows of the block so far, as texts. */
  #writeOut(words: Words): void {
    const numbers = this.#numbers.used();
    for (let at = 0; at < numbers.length; at += NUMBER_BYTES) {
      const word = words.used[numbers.readUInt16LE(at)] ?? 0;
      this.#texts.pushBytes(words.bytes.bytes, words.start(word), words.start(word + 1));
    }
    this.#words = undefined;
    this.#numbers.at = 0;
  }
}
