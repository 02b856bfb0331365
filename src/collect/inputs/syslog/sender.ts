/** Who sent: encoded once per connection or peer. */
import { encodeRawMeta, RAW_META_KEY, type RawMeta } from '../../../event/raw-meta.ts';
import { encodeHeaders } from '../../../event/record-batch.ts';
import type { InputContext, Route } from '../../outlets.ts';
import { plainAddress, printRemote } from '../remote.ts';

export interface SyslogSender {
  readonly meta: RawMeta;
  readonly headers: Buffer;
  readonly route: Route;
}

export type SyslogInputName = 'syslog-tcp' | 'syslog-udp';

export function syslogSender(
  { outlets }: InputContext,
  input: SyslogInputName,
  tenant: string,
  address: string,
  port: number,
): SyslogSender {
  const host = plainAddress(address);
  const meta: RawMeta = { tenant, input, remote: printRemote(host, port), format: 'syslog' };
  return {
    meta,
    headers: encodeHeaders([[RAW_META_KEY, encodeRawMeta(meta)]]),
    route: outlets.raw.route([tenant, input, host]),
  };
}
