/**
 * Tokens on disk: one file each in `<data>/tokens`, named by the token's id, so that two commands at once cannot undo
 * each other and revoking is removing a file. A file is written aside, synced and renamed: it is there whole or not.
 */
import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemCode } from '../../lib/disk-files.ts';
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import { AUTH_LIMITS } from '../../lib/limits.ts';
import { makeFolder, unusable } from '../../lib/make-folder.ts';
import type { Scope } from '../../lib/principal.ts';

export const SCOPES: readonly Scope[] = ['ingest', 'read', 'admin'];

export interface StoredToken {
  readonly id: string;
  /** What it is for, in its maker's words. */
  readonly name: string;
  readonly tenant: string;
  readonly scopes: readonly Scope[];
  /** SHA-256 of the token, hexadecimal. */
  readonly sha256: string;
  /** Epoch ms. */
  readonly createdMs: number;
}

const FILE_NAME = /^([0-9a-f]{12})\.json$/;
const PRIVATE_FILE = 0o600;
const PRIVATE_FOLDER = 0o700;

export const tokenFolder = (dataFolder: string): string => join(dataFolder, 'tokens');

export function writeTokenFile(folder: string, token: StoredToken): void {
  if (makeFolder(folder, PRIVATE_FOLDER) !== undefined) syncFolder(dirname(folder));
  const aside = join(folder, `${token.id}.new`);
  writeFileSync(aside, `${JSON.stringify(token)}\n`, { mode: PRIVATE_FILE, flag: 'wx', flush: true });
  renameSync(aside, join(folder, `${token.id}.json`));
  syncFolder(folder);
}

/** False where there is no such token. */
export function removeTokenFile(folder: string, id: string): boolean {
  if (!FILE_NAME.test(`${id}.json`)) return false;
  try {
    rmSync(join(folder, `${id}.json`));
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
  syncFolder(folder);
  return true;
}

/** All tokens, by id. Throws where a file cannot be read: better no access than the wrong one. */
export function readTokenFiles(folder: string): StoredToken[] {
  const ids = listed(folder).flatMap((name) => FILE_NAME.exec(name)?.[1] ?? []);
  if (ids.length > AUTH_LIMITS.tokens) {
    throw new SpillwayError('CONFIG_INVALID', `There are more than ${AUTH_LIMITS.tokens} tokens; revoke some.`);
  }
  return ids.sort().flatMap((id) => {
    const file = join(folder, `${id}.json`);
    try {
      return parseTokenFile(id, readFileSync(file, 'utf8'));
    } catch (error) {
      // Revoked between the listing and this.
      if (isMissing(error)) return [];
      if (systemCode(error) === 'EACCES') {
        throw unusable(`The token file ${file} cannot be read: ${messageOf(error)}`, folder, error);
      }
      throw new SpillwayError(
        'CONFIG_INVALID',
        `The token file ${file} cannot be read; revoke it and create another.`,
        {
          cause: error,
        },
      );
    }
  });
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    // Below a file there is nothing: making the folder says so.
    if (isMissing(error) || systemCode(error) === 'ENOTDIR') return [];
    throw unusable(`The tokens cannot be read: ${messageOf(error)}`, folder, error);
  }
}

function parseTokenFile(id: string, text: string): StoredToken {
  const token: Partial<StoredToken> | null = JSON.parse(text);
  const { name, tenant, scopes, sha256, createdMs } = token ?? {};
  if (
    token?.id !== id ||
    typeof name !== 'string' ||
    typeof tenant !== 'string' ||
    !Array.isArray(scopes) ||
    !scopes.every((scope) => SCOPES.includes(scope)) ||
    typeof sha256 !== 'string' ||
    !/^[0-9a-f]{64}$/.test(sha256) ||
    typeof createdMs !== 'number'
  ) {
    throw new SyntaxError('a member is missing or of another kind');
  }
  return { id, name, tenant, scopes, sha256, createdMs };
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
