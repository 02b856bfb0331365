/** Who a request is from, decided before anything else looks at it. */
import { isLoopback } from '../../config/exposure.ts';
import type { Clock } from '../../lib/clock.ts';
import { SpillwayError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import { type Authenticate, DEFAULT_TENANT, type Principal, type Scope } from '../../lib/principal.ts';
import { tokenOf } from './credentials.ts';
import { TokenBook } from './token-book.ts';

export interface AuthOptions {
  /** The data folder, which holds the folder of tokens. */
  readonly dataFolder: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Auth {
  readonly authenticate: Authenticate;
  /** How many tokens there are now. */
  readonly tokenCount: () => number;
}

const MEND = 'Send one as `Authorization: Bearer TOKEN`; `spillway token create` makes one.';

export function createAuth(options: AuthOptions): Auth {
  const book = new TokenBook(options.dataFolder, options.clock, options.log);
  return {
    tokenCount: () => book.size,
    authenticate({ authorization, remoteAddress, relayed = false }) {
      if (authorization !== undefined) return withToken(book, authorization);
      if (relayed || remoteAddress === undefined || !isLoopback(remoteAddress)) {
        throw new SpillwayError('UNAUTHORIZED', `A request from another machine needs a token. ${MEND}`);
      }
      return withoutToken(book);
    },
  };
}

function withToken(book: TokenBook, authorization: string): Principal {
  const token = tokenOf(authorization);
  const principal = token === undefined ? undefined : book.find(token);
  if (principal === undefined) {
    throw new SpillwayError('UNAUTHORIZED', `The token is not valid; it may have been revoked. ${MEND}`);
  }
  return principal;
}

/** Somebody on this machine: reads and sends as the default tenant, and rules until the first token exists. */
function withoutToken(book: TokenBook): Principal {
  const scopes: readonly Scope[] = book.isEmpty ? ['ingest', 'read', 'admin'] : ['ingest', 'read'];
  return { tenant: DEFAULT_TENANT, scopes: new Set(scopes) };
}
