/**
 * Names of tenants as texts, from their bytes. Where the events of thousands of tenants come in turn, a text made for each
 * of them costs more than what is done with it. Names that have the same place push each other out: then one is made again.
 * What is compared lies side by side, since of thousands of names most are not in the processor's nearest cache.
 */
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
    const place = placeOf(source, start, end);
    if (this.#lengths[place] === length && this.#isAt(place, source, start, length)) return this.#texts[place] ?? '';
    const text = source.toString('utf8', start, end);
    source.copy(this.#bytes, place * NAME_BYTES, start, end);
    this.#lengths[place] = length;
    this.#texts[place] = text;
    return text;
  }

  #isAt(place: number, source: Buffer, start: number, length: number): boolean {
    const bytes = this.#bytes;
    const first = place * NAME_BYTES;
    for (let i = 0; i < length; i++) if (bytes[first + i] !== source[start + i]) return false;
    return true;
  }
}

/** FNV-1a, folded. */
function placeOf(source: Buffer, start: number, end: number): number {
  let hash = 0x811c_9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (source[i] ?? 0), 0x0100_0193);
  return (hash ^ (hash >>> 15)) & (PLACES - 1);
}
