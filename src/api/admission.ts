/** Decides who a request is from and whether it may go on: Host and Origin, token, scope. */
import { timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { SpillwayError } from '../lib/errors.ts';
import type { Authenticate, Principal } from '../lib/principal.ts';
import type { BrowserGuard } from './auth/browser-guard.ts';
import { hashToken } from './auth/token-text.ts';

/** Set by the front door on what it streams to the store, and believed only with the secret of this start. */
export const INTERNAL_SECRET_HEADER = 'x-spillway-internal';
export const FORWARDED_HEADER = 'x-spillway-forwarded';
/** Of a client's own headers none that begins like this goes through the front door. */
export const INTERNAL_PREFIX = 'x-spillway-';

/** What proxies in front of us add. */
const RELAY_HEADERS = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'] as const;

export interface AdmissionOptions {
  readonly authenticate: Authenticate;
  readonly guard: BrowserGuard;
  /** Given to the store, which believes its front door; a front door believes nobody. */
  readonly internalSecret?: string;
}

export function createAdmission(options: AdmissionOptions): (request: FastifyRequest) => Principal {
  const { authenticate, guard } = options;
  const secret = options.internalSecret === undefined ? undefined : hashToken(options.internalSecret);
  return (request) => {
    const { headers } = request;
    const { scope = 'admin', anyHost = false } = request.routeOptions.config;
    const presented = headers[INTERNAL_SECRET_HEADER];
    const isFrontDoor =
      secret !== undefined && typeof presented === 'string' && timingSafeEqual(hashToken(presented), secret);
    // The front door has looked at Host and Origin before it streamed the request here.
    if (!isFrontDoor && !anyHost) guard.check(headers);
    if (scope === 'nobody') return { tenant: '', scopes: new Set() };
    const forwarded = headers[FORWARDED_HEADER];
    const principal = authenticate({
      authorization: headers.authorization,
      remoteAddress: isFrontDoor && typeof forwarded === 'string' ? forwarded : request.raw.socket.remoteAddress,
      relayed: RELAY_HEADERS.some((name) => headers[name] !== undefined),
    });
    if (!principal.scopes.has(scope)) throw notAllowed(scope, principal);
    return principal;
  };
}

function notAllowed(scope: string, { token }: Principal): SpillwayError {
  const who = token === undefined ? 'A request without a token' : 'This token';
  return new SpillwayError('FORBIDDEN', `${who} does not have the scope ${scope} that this needs.`, {
    details: { scope },
  });
}
