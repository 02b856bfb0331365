/** Why a node could not be asked, in words that say what to do: those of OpenSSL and of Node.js do not. */
import { messageOf } from '../../lib/errors.ts';

/** It answered, and not in TLS. */
const NOT_TLS = /wrong version number|packet length too long|http request/i;
/** Of Node's parser, or the connection closed before any answer: so does a server that speaks nothing but TLS. */
const NOT_HTTP = /^HPE_|^ECONNRESET$/;

/** The failure of a request to a node at that address, such as `https://search-1:9200`. */
export function connectionProblem(url: string, failure: unknown): string {
  const said = messageOf(failure).trim();
  if (otherScheme(url, failure) === 'http://') return 'it does not speak TLS';
  // `write EPROTO 801C…:error:0A000410:SSL routines:ssl3_read_bytes:ssl/tls alert handshake failure:../deps/…`
  const [, why] = /:SSL routines:[^:]*:([^:]+):/.exec(said) ?? [];
  return why === undefined ? said : `the TLS handshake fails: ${why}`;
}

/** What the address has to begin with instead, by how it failed: surely `http://`, perhaps `https://`. */
export function otherScheme(url: string, failure: unknown): 'http://' | 'https://' | undefined {
  if (url.startsWith('https:')) return NOT_TLS.test(messageOf(failure)) ? 'http://' : undefined;
  return NOT_HTTP.test(codeOf(failure)) ? 'https://' : undefined;
}

function codeOf(failure: unknown): string {
  return failure instanceof Error && 'code' in failure ? String(failure.code) : '';
}
