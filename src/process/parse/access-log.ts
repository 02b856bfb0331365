/**
 * Access logs of web servers in the common and the combined format (Apache, nginx), also with the port or the virtual
 * host before and pairs of numbers behind: `203.0.113.9 - ann [23/Nov/2026:19:42:54 +0000] "GET / HTTP/1.1" 200 615 "-" "curl/8"`.
 */
import type { Pair } from './key-value.ts';

const LINE =
  /^(?:\S{1,255} )?(\S{1,255}) (\S{1,64}) (\S{1,255}) \[([^\]]{20,40})\] "((?:[^"\\]|\\[\s\S]){0,8192})" (\d{3}) (\d{1,19}|-)(?: "((?:[^"\\]|\\[\s\S]){0,8192})" "((?:[^"\\]|\\[\s\S]){0,8192})")?/;
const REQUEST = /^([A-Z]{1,32}) (\S*)(?: (HTTP\/\d(?:\.\d)?))?$/;

export interface AccessLog {
  readonly pairs: readonly Pair[];
  /** The time, as written. */
  readonly time: string;
}

/** Undefined where the text is not such a line. */
export function readAccessLog(text: string): AccessLog | undefined {
  if (!text.includes('] "')) return undefined;
  const match = LINE.exec(text);
  if (match === null) return undefined;
  const [, address = '', , user = '', time = '', request = '', status = '', bytes = '', referrer, agent] = match;
  const [, method, path, protocol] = REQUEST.exec(request) ?? [];
  const parts: readonly (readonly [string, string | undefined])[] = [
    ['remote_addr', address],
    ['remote_user', user],
    ['method', method],
    ['path', path],
    ['protocol', protocol],
    ['request', method === undefined ? request : undefined],
    ['status', status],
    ['bytes', bytes],
    ['referrer', referrer],
    ['user_agent', agent],
  ];
  const pairs = parts.flatMap(([key, value]) => (value === undefined || value === '-' ? [] : [{ key, value }]));
  return { pairs, time };
}
