/** The PRI of a syslog message (RFC 5424, 6.2.1): `<0>` to `<191>`, facility times 8 plus severity. */
const OPEN = 0x3c;
const CLOSE = 0x3e;
const MOST = 191;

/** The value of the PRI at the beginning of a text, or -1. The text goes on at `priLength(value)`. */
export function readPri(text: string): number {
  if (text.charCodeAt(0) !== OPEN) return -1;
  let value = 0;
  for (let at = 1; at <= 4; at++) {
    const code = text.charCodeAt(at);
    if (code === CLOSE) return at > 1 && value <= MOST && priLength(value) === at + 1 ? value : -1;
    if (!(code >= 0x30 && code <= 0x39)) return -1;
    value = value * 10 + code - 0x30;
  }
  return -1;
}

/** Characters of `<value>`, which has no leading zeros. */
export function priLength(value: number): number {
  return value < 10 ? 3 : value < 100 ? 4 : 5;
}
