/** Bytes as text (RFC 4648): what stands for no bytes exactly is none, where Node.js itself would leave a part out. */

/** `base64` with its padding; undefined where it is not. */
export function bytesOfBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

/** For addresses: also with the alphabet of `base64url`, and without padding. */
export function bytesOfBase64Url(text: string): Buffer | undefined {
  const url = text
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/={1,2}$/, '');
  const bytes = Buffer.from(url, 'base64url');
  return bytes.toString('base64url') === url ? bytes : undefined;
}
