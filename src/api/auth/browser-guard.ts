/**
 * Keeps hostile web pages out. A page may reach a server on its visitor's own machine in two ways: by a name of its own
 * that it points at 127.0.0.1 (DNS rebinding: the Host header tells), or by a request across origins (Origin and
 * Sec-Fetch-Site tell). A request with a token and without any sign of a browser needs neither check, since a page
 * does not know the token; senders may use whatever name leads here.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { SpillwayError } from '../../lib/errors.ts';

export interface BrowserGuard {
  /** Throws FORBIDDEN. */
  check(headers: IncomingHttpHeaders): void;
}

/** `names`: what the configuration lists beside localhost and IP addresses, without ports. */
export function createBrowserGuard(names: readonly string[]): BrowserGuard {
  const known = new Set(['localhost', ...names.map((name) => bare(name.toLowerCase()))]);
  // An IP address is nobody's name, so it cannot be pointed elsewhere.
  const isOurs = (name: string): boolean => known.has(name) || isIP(name) !== 0 || name.endsWith('.localhost');
  return {
    check(headers) {
      const { origin, host, authorization } = headers;
      const site = headers['sec-fetch-site'];
      const isBrowser = origin !== undefined || site !== undefined;
      if (authorization !== undefined && !isBrowser) return;
      const name = hostName(host);
      if (name === undefined || !isOurs(name)) {
        throw new SpillwayError(
          'FORBIDDEN',
          'The Host of this request is not a name of this server. Use localhost or its IP address, or add the name to the option http.names.',
        );
      }
      if (origin !== undefined && !isSameOrigin(origin, host)) throw otherOrigin();
      const isNavigation = headers['sec-fetch-mode'] === 'navigate' && origin === undefined;
      if ((site === 'cross-site' || site === 'same-site') && !isNavigation) throw otherOrigin();
    },
  };
}

function otherOrigin(): SpillwayError {
  return new SpillwayError('FORBIDDEN', 'Pages of another origin may not ask this server.');
}

function hostName(host: string | undefined): string | undefined {
  if (host === undefined || !/^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?$/i.test(host)) return undefined;
  return bare(host.replace(/:\d+$/, '').toLowerCase());
}

/** An IPv6 address without its brackets. */
const bare = (name: string): string => name.replace(/^\[(.*)\]$/, '$1');

function isSameOrigin(origin: string, host: string | undefined): boolean {
  if (!URL.canParse(origin)) return false;
  const { protocol, host: from } = new URL(origin);
  return (protocol === 'http:' || protocol === 'https:') && from === host?.toLowerCase();
}
