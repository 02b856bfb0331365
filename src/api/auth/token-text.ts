/**
 * What a token looks like: `spw_<id>_<secret>`. The id names it in lists and logs; the secret is 256 random bits, so a
 * plain SHA-256 of the whole text is enough to keep (there is nothing to guess that a slow hash would protect).
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const SHAPE = /^spw_([0-9a-f]{12})_[A-Za-z0-9_-]{43}$/;

export interface NewToken {
  readonly id: string;
  /** Shown once and kept nowhere. */
  readonly text: string;
}

export function makeToken(): NewToken {
  const id = randomBytes(6).toString('hex');
  return { id, text: `spw_${id}_${randomBytes(32).toString('base64url')}` };
}

/** The id inside a token; undefined where the text is no token of ours. */
export function tokenId(text: string): string | undefined {
  return SHAPE.exec(text)?.[1];
}

export function hashToken(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

export function matchesHash(text: string, hash: Buffer): boolean {
  return timingSafeEqual(hashToken(text), hash);
}
