/**
 * Names of tenants as texts, from their bytes. Where the events of thousands of tenants come in turn, a text made for each
 * of them costs more than what is done with it. Names that have the same place push each other out: then one is made again.
 */
interface Name {
  readonly bytes: Uint8Array;
  readonly text: string;
}

const PLACES = 1 << 14;

export class TenantNames {
  readonly #names: (Name | undefined)[] = Array.from({ length: PLACES }, () => undefined);

  /** Of `source[start, end)`, UTF-8. */
  of(source: Buffer, start: number, end: number): string {
    const place = placeOf(source, start, end);
    const known = this.#names[place];
    if (known !== undefined && isSame(known.bytes, source, start, end)) return known.text;
    const text = source.toString('utf8', start, end);
    // A view would keep all of the batch that it is of.
    this.#names[place] = { bytes: new Uint8Array(source.subarray(start, end)), text };
    return text;
  }
}

/** FNV-1a, folded. */
function placeOf(source: Buffer, start: number, end: number): number {
  let hash = 0x811c_9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (source[i] ?? 0), 0x0100_0193);
  return (hash ^ (hash >>> 15)) & (PLACES - 1);
}

function isSame(bytes: Uint8Array, source: Buffer, start: number, end: number): boolean {
  if (bytes.length !== end - start) return false;
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== source[start + i]) return false;
  return true;
}
