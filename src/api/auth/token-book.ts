/**
 * The tokens as a running server knows them. The folder's times are looked at when a request comes, at most every
 * AUTH_LIMITS.recheckMs, and its files are read again only when they changed.
 */
import { statSync } from 'node:fs';
import type { Clock } from '../../lib/clock.ts';
import { messageOf } from '../../lib/errors.ts';
import { AUTH_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { Principal, Scope } from '../../lib/principal.ts';
import { isMissing, readTokenFiles, type StoredToken, tokenFolder } from './token-folder.ts';
import { matchesHash, tokenId } from './token-text.ts';

interface KnownToken {
  readonly hash: Buffer;
  readonly principal: Principal;
}

/** The folder's time tells two changes apart only when they are further apart than this. */
const TIME_GRAIN_MS = 2_000;
/** Compared with where there is no token of that id, so that both answers take as long. */
const NO_HASH = Buffer.alloc(32);

export class TokenBook {
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  #known = new Map<string, KnownToken>();
  #broken = false;
  #checkedMs = Number.NEGATIVE_INFINITY;
  #version = 'unread';
  /** The folder's time when it was looked at last. */
  #time = '';

  constructor(dataFolder: string, clock: Clock, log: Logger) {
    this.#folder = tokenFolder(dataFolder);
    this.#clock = clock;
    this.#log = log;
  }

  /** Whether there is no token at all, so that this machine's own people need none. Never where that is not sure. */
  get isEmpty(): boolean {
    this.#refresh();
    return this.#known.size === 0 && !this.#broken;
  }

  get size(): number {
    this.#refresh();
    return this.#known.size;
  }

  find(text: string): Principal | undefined {
    this.#refresh();
    const id = tokenId(text) ?? '';
    // One that was made just now works at once: the folder's time tells, and where it may not, another look soon does.
    if (!this.#known.has(id)) this.#refresh(this.#hasChanged() ? 0 : AUTH_LIMITS.recheckUnknownMs);
    const known = this.#known.get(id);
    return matchesHash(text, known?.hash ?? NO_HASH) ? known?.principal : undefined;
  }

  #hasChanged(): boolean {
    try {
      return folderTime(this.#folder) !== this.#time;
    } catch {
      // The next look says what is wrong.
      return false;
    }
  }

  #refresh(notWithinMs: number = AUTH_LIMITS.recheckMs): void {
    const now = this.#clock.now();
    if (Math.abs(now - this.#checkedMs) < notWithinMs) return;
    this.#checkedMs = now;
    try {
      this.#time = folderTime(this.#folder);
      const version = versionAt(this.#time);
      if (version === this.#version) return;
      this.#known = new Map(readTokenFiles(this.#folder).map((token) => [token.id, known(token)]));
      this.#version = version;
      this.#broken = false;
    } catch (error) {
      // Nobody gets in by a list that may be wrong.
      this.#known = new Map();
      if (!this.#broken) this.#log.error({ err: messageOf(error) }, 'tokens cannot be read: all are refused');
      this.#broken = true;
      this.#version = 'broken';
    }
  }
}

/** `<inode> <epoch ms>`; '' where there is no folder. Throws where it cannot be looked at. */
function folderTime(folder: string): string {
  try {
    const { mtimeMs, ino } = statSync(folder);
    return `${ino} ${mtimeMs}`;
  } catch (error) {
    if (isMissing(error)) return '';
    throw error;
  }
}

/** A folder changed just now may change again without a new time: then it is another version at each look. */
function versionAt(time: string): string {
  if (time === '') return 'none';
  const isSettled = Math.abs(Date.now() - Number(time.split(' ')[1])) > TIME_GRAIN_MS;
  return isSettled ? time : `${time} ${Date.now()}`;
}

function known(token: StoredToken): KnownToken {
  const scopes: readonly Scope[] = token.scopes.includes('admin') ? ['ingest', 'read', 'admin'] : token.scopes;
  return {
    hash: Buffer.from(token.sha256, 'hex'),
    principal: { tenant: token.tenant, scopes: new Set(scopes), token: token.id },
  };
}
