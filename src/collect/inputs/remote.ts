/** How addresses of senders are written. */

/** An IPv4 address stays one on a socket that takes both kinds. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address;
}

/** `ip:port`, or `[ip]:port` for IPv6. */
export const printRemote = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
