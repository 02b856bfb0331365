/**
 * Names of tenants as texts, from their bytes. Where the events of thousands of tenants come in turn, a text made for each
 * of them costs more than what is done with it. Names that have the same place push each other out: then one is made again.
 * What is compared lies side by side, since of thousands of names most are not in the processor's nearest cache.
 */
import { areSameBytes, hashOfBytes } from './bytes.ts';

const PLACES = 1 << 14;
/** Longer names are made each time. */
const NAME_BYTES = 64;

export class TenantNames {
  readonly #lengths = new Uint8Array(PLACES);
  readonly #bytes = Buffer.alloc(PLACES * NAME_BYTES);
  readonly #texts: string[] = Array.from({ length: PLACES }, () => '');

  /** Of `source[start, end)`, UTF-8. */
  of(source: Buffer, start: number, end: number): string {
    const length = end - start;
    if (length > NAME_BYTES) return source.toString('utf8', start, end);
    const place = hashOfBytes(source, start, end) & (PLACES - 1);
    const at = place * NAME_BYTES;
    if (this.#lengths[place] === length && areSameBytes(this.#bytes, at, source, start, length)) {
      return this.#texts[place] ?? '';
    }
    const text = source.toString('utf8', start, end);
    source.copy(this.#bytes, at, start, end);
    this.#lengths[place] = length;
    this.#texts[place] = text;
    return text;
  }
}
