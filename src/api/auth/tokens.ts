/** Creating, listing and revoking tokens: what `spillway token` does. Durable when it returns. */
import { type Clock, systemClock } from '../../lib/clock.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { AUTH_LIMITS } from '../../lib/limits.ts';
import type { Scope } from '../../lib/principal.ts';
import { readTokenFiles, removeTokenFile, SCOPES, tokenFolder, writeTokenFile } from './token-folder.ts';
import { hashToken, makeToken } from './token-text.ts';

const TENANT = /^[a-z0-9][a-z0-9_-]{0,63}$/;

export interface TokenOptions {
  readonly tenant: string;
  /** At least one; `admin` includes the others. */
  readonly scopes: readonly Scope[];
  /** What it is for; shown in lists. */
  readonly name?: string;
  readonly clock?: Clock;
}

/** A token as lists show it, without anything that would let one use it. */
export interface TokenSummary {
  readonly id: string;
  readonly name: string;
  readonly tenant: string;
  readonly scopes: readonly Scope[];
  readonly createdMs: number;
}

export interface CreatedToken extends TokenSummary {
  /** Shown once and kept nowhere. */
  readonly token: string;
}

/** Throws BAD_REQUEST for a tenant, scope or name that cannot be. */
export function createToken(dataFolder: string, options: TokenOptions): CreatedToken {
  const { tenant, name = '', clock = systemClock } = options;
  if (!TENANT.test(tenant)) {
    throw new SpillwayError(
      'BAD_REQUEST',
      `"${tenant}" cannot be a tenant: up to 64 of a-z, 0-9, _ and -, beginning with a letter or digit.`,
    );
  }
  const scopes = SCOPES.filter((scope) => options.scopes.includes(scope));
  if (scopes.length === 0 || scopes.length !== new Set(options.scopes).size) {
    throw new SpillwayError('BAD_REQUEST', `A token needs scopes of ${SCOPES.join(', ')}.`);
  }
  if (name.length > AUTH_LIMITS.tokenNameChars) {
    throw new SpillwayError('BAD_REQUEST', `A token's name has at most ${AUTH_LIMITS.tokenNameChars} characters.`);
  }
  const folder = tokenFolder(dataFolder);
  if (readTokenFiles(folder).length >= AUTH_LIMITS.tokens) {
    throw new SpillwayError('BAD_REQUEST', `There are ${AUTH_LIMITS.tokens} tokens already; revoke some.`);
  }
  const { id, text } = makeToken();
  const summary = { id, name, tenant, scopes, createdMs: clock.now() };
  writeTokenFile(folder, { ...summary, sha256: hashToken(text).toString('hex') });
  return { ...summary, token: text };
}

/** Oldest first. */
export function listTokens(dataFolder: string): TokenSummary[] {
  return readTokenFiles(tokenFolder(dataFolder))
    .map(({ id, name, tenant, scopes, createdMs }) => ({ id, name, tenant, scopes, createdMs }))
    .sort((a, b) => a.createdMs - b.createdMs || a.id.localeCompare(b.id));
}

/** False where there is no token of that id. Running servers refuse it within AUTH_LIMITS.recheckMs. */
export function revokeToken(dataFolder: string, id: string): boolean {
  return removeTokenFile(tokenFolder(dataFolder), id);
}
