/** Which bytes of a line are framing, and which lines are text. */

/**
 * Whether a line that is not syslog may be kept as text: no control characters but tab, vertical tab, form feed,
 * carriage return and escape (colours), and NULs at its end only. Bytes past 127 may be of any encoding.
 */
const IS_CONTROL = new Uint8Array(256).fill(1, 0x00, 0x20);
for (const allowed of [0x09, 0x0b, 0x0c, 0x0d, 0x1b]) IS_CONTROL[allowed] = 0;
IS_CONTROL[0x7f] = 1;

/** Where the message ends: line feeds, carriage returns and NULs after it are framing. */
export function endOfMessage(bytes: Uint8Array, start: number, end: number): number {
  let at = end;
  while (at > start && isTrailer(bytes[at - 1])) at--;
  return at;
}

export function isText(bytes: Uint8Array, start: number, endWithTrailer: number): boolean {
  const end = endOfMessage(bytes, start, endWithTrailer);
  for (let at = start; at < end; at++) if (IS_CONTROL[bytes[at] ?? 0] === 1) return false;
  return true;
}

const isTrailer = (byte: number | undefined): boolean => byte === 0x0a || byte === 0x0d || byte === 0x00;
