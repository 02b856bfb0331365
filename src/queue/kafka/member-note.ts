/**
 * The id of a group's member, noted on this machine, so that a process which is started again after a crash can say that
 * the one before has left: what that had is free at once, and not when the broker has missed it for 45 s. It is right where
 * the folder is one process's at a time. The note is a hint: without it the broker's patience decides.
 */
import { join } from 'node:path';
import { nodeDisk } from '../../lib/disk.ts';
import { makeDirectories, readWhole, removeIfThere, replaceFile } from '../../lib/disk-files.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';

export class MemberNote {
  readonly #folder: string;
  readonly #file: string;
  readonly #log: Logger;

  constructor(folder: string, group: string, log: Logger) {
    this.#folder = folder;
    this.#file = join(folder, `member-of-${group}`);
    this.#log = log;
  }

  /** Whom an earlier process left behind; undefined where it had said that it leaves. */
  async read(): Promise<string | undefined> {
    const id = (await readWhole(nodeDisk, this.#file).catch(() => undefined))?.toString('utf8');
    return id !== undefined && /^[\w-]{1,64}$/.test(id) ? id : undefined;
  }

  async write(id: string): Promise<void> {
    try {
      await makeDirectories(nodeDisk, this.#folder);
      await replaceFile(nodeDisk, this.#file, Buffer.from(id));
    } catch (thrown) {
      this.#log.warn({ file: this.#file, reason: messageOf(thrown) }, 'the id of a member of a group was not noted');
    }
  }

  /** It has left. */
  async remove(): Promise<void> {
    await removeIfThere(nodeDisk, this.#file).catch((thrown: unknown) => {
      this.#log.warn(
        { file: this.#file, reason: messageOf(thrown) },
        'the id of a member that has left is still noted',
      );
    });
  }
}
