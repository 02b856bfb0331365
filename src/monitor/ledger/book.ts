/**
 * One role's account in the ledger. It counts only what is durable, and remembers up to which position of each log it
 * has counted. A checkpoint appends the changed cells and the positions to a journal as one line; it needs no fsync,
 * because whatever a crash takes from it is counted again from the log (counting.ts): the log is the truth, this is a cache.
 */
import { createReadStream, existsSync } from 'node:fs';
import { appendFile, mkdir, rename, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type { Clock } from '../../lib/clock.ts';
import { LEDGER_LIMITS } from '../../lib/limits.ts';
import { type LedgerRow, minuteOf } from './ledger.ts';
import { LedgerRows, readRow, type WrittenRow, writeRow } from './rows.ts';

interface JournalLine {
  readonly positions: Readonly<Record<string, number>>;
  readonly rows: readonly WrittenRow[];
}

export class LedgerBook {
  readonly #file: string;
  readonly #clock: Clock;
  readonly #rows = new LedgerRows();
  readonly #positions = new Map<string, number>();
  readonly #unwritten = new Map<string, LedgerRow>();
  #journalBytes = 0;

  private constructor(file: string, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
  }

  static async open(file: string, clock: Clock): Promise<LedgerBook> {
    const book = new LedgerBook(file, clock);
    await mkdir(dirname(file), { recursive: true });
    await book.#load();
    await book.#compact();
    return book;
  }

  /** The position up to which the log has been counted; undefined when it never was. */
  position(log: string): number | undefined {
    return this.#positions.get(log);
  }

  /** Adds counts of the log's records up to `nextPosition`, which are durable. */
  add(log: string, nextPosition: number, counts: Iterable<LedgerRow>): void {
    for (const count of counts) if (count.count !== 0) this.#rows.add(count, this.#unwritten);
    this.#positions.set(log, nextPosition);
  }

  /** Forgets everything: for when the log is shorter than what was counted. */
  clear(): void {
    this.#rows.clear();
    this.#positions.clear();
    this.#unwritten.clear();
    this.#journalBytes = Number.POSITIVE_INFINITY;
  }

  /** What changed since the last call, as absolute counts; the first time everything, with `reset`. */
  takeChanges(): { readonly reset: boolean; readonly rows: readonly LedgerRow[] } {
    return this.#rows.takeChanges();
  }

  async checkpoint(): Promise<void> {
    if (this.#journalBytes > LEDGER_LIMITS.journalBytes) return this.#compact();
    if (this.#unwritten.size === 0) return;
    const line = this.#line(this.#unwritten.values());
    this.#unwritten.clear();
    await appendFile(this.#file, line);
    this.#journalBytes += line.length;
  }

  async #load(): Promise<void> {
    if (!existsSync(this.#file)) return;
    const lines = createInterface({ input: createReadStream(this.#file), crlfDelay: Number.POSITIVE_INFINITY });
    for await (const text of lines) {
      const line = parseLine(text);
      if (line === undefined) break;
      for (const row of line.rows) this.#rows.set(readRow(row));
      for (const [log, position] of Object.entries(line.positions)) this.#positions.set(log, position);
    }
  }

  /** Writes the journal anew: old minutes added up by hour, hours beyond the limit dropped. */
  async #compact(): Promise<void> {
    this.#rows.fold(minuteOf(this.#clock.now()));
    this.#unwritten.clear();
    const text = this.#line(this.#rows.values());
    const temporary = `${this.#file}.new`;
    await writeFile(temporary, text, { flush: true });
    await rename(temporary, this.#file);
    this.#journalBytes = (await stat(this.#file)).size;
  }

  #line(rows: Iterable<LedgerRow>): string {
    const line: JournalLine = {
      positions: Object.fromEntries(this.#positions),
      rows: Array.from(rows, writeRow),
    };
    return `${JSON.stringify(line)}\n`;
  }
}

/** Undefined for a line that a crash cut off. */
function parseLine(text: string): JournalLine | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
