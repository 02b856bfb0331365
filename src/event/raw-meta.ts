/**
 * What the collector knows about a record of `raw` or `dead-letter`, packed into one record header (four would cost
 * 30 % of a 300-byte line). When it was received is the record's own timestamp. The header is equal for all records
 * of a connection or request, so writers encode it once and readers decode it once per run of equal bytes.
 */
export const RAW_META_KEY = 'm';

/** How the bytes are to be read. */
export type RawFormat = 'syslog' | 'json' | 'text';

export interface RawMeta {
  readonly tenant: string;
  /** Name of the input, such as `syslog-tcp`, `syslog-udp`, `http`. */
  readonly input: string;
  /** Address of the sender, `ip:port`. */
  readonly remote: string;
  readonly format: RawFormat;
  readonly team?: string;
  readonly app?: string;
  readonly host?: string;
  /** Digest of an Idempotency-Key with its body, so that the keys can be rebuilt from `raw` (base64url). */
  readonly idempotency?: string;
}

export function encodeRawMeta(meta: RawMeta): Buffer {
  return Buffer.from(
    JSON.stringify({
      t: meta.tenant,
      i: meta.input,
      r: meta.remote,
      f: meta.format,
      team: meta.team,
      app: meta.app,
      host: meta.host,
      k: meta.idempotency,
    }),
  );
}

export function decodeRawMeta(bytes: Uint8Array): RawMeta {
  const packed = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
  return {
    tenant: String(packed.t),
    input: String(packed.i),
    remote: String(packed.r),
    format: packed.f === 'syslog' || packed.f === 'json' ? packed.f : 'text',
    ...(typeof packed.team === 'string' ? { team: packed.team } : {}),
    ...(typeof packed.app === 'string' ? { app: packed.app } : {}),
    ...(typeof packed.host === 'string' ? { host: packed.host } : {}),
    ...(typeof packed.k === 'string' ? { idempotency: packed.k } : {}),
  };
}
