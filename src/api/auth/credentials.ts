/**
 * The token inside an Authorization header, in each protocol's own way: `Bearer T` (RFC 6750), `Basic` with the token
 * as password (RFC 7617), `ApiKey` (Elasticsearch: the token, or base64 of `id:token`), `Splunk T` (HTTP Event
 * Collector), or the bare token of a protocol without headers.
 */
import { AUTH_LIMITS } from '../../lib/limits.ts';

/** Undefined where the header holds nothing that could be a token. */
export function tokenOf(authorization: string): string | undefined {
  if (authorization.length > AUTH_LIMITS.authorizationChars) return undefined;
  const [scheme = '', credentials, rest] = authorization.trim().split(/ +/, 3);
  if (credentials === undefined) return scheme;
  if (rest !== undefined) return undefined;
  switch (scheme.toLowerCase()) {
    case 'bearer':
    case 'splunk':
      return credentials;
    case 'basic':
      return afterColon(decoded(credentials));
    case 'apikey':
      return credentials.startsWith('spw_') ? credentials : afterColon(decoded(credentials));
    default:
      return undefined;
  }
}

const decoded = (base64: string): string => Buffer.from(base64, 'base64').toString('utf8');

function afterColon(text: string): string | undefined {
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : text.slice(colon + 1);
}
