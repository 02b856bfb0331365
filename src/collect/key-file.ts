/**
 * A file that keeps what was found of keys in the log, and how far that was read, so that a start need not read a day of
 * it. The file is a hint: where it is missing, broken or of another log, the day is read.
 */
import { dirname } from 'node:path';
import { type Disk, nodeDisk } from '../lib/disk.ts';
import { makeDirectories, readWhole, replaceFile } from '../lib/disk-files.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';

export interface KeyFileOptions<Content> {
  /** Absolute; without it nothing is read or written. */
  readonly file: string | undefined;
  readonly format: string;
  /** What is to be in it now. */
  readonly content: () => Content;
  readonly everyMs: number;
  readonly log: Logger;
}

export class KeyFile<Content extends object> {
  readonly #options: KeyFileOptions<Content>;
  readonly #disk: Disk = nodeDisk;
  #timer: NodeJS.Timeout | undefined;
  #written = '';

  constructor(options: KeyFileOptions<Content>) {
    this.#options = options;
  }

  /** Undefined where there is none of this format, or it does not belong here. */
  async read(belongs: (content: Content) => boolean = () => true): Promise<Content | undefined> {
    const { file, format, log } = this.#options;
    if (file === undefined) return undefined;
    try {
      const bytes = await readWhole(this.#disk, file);
      if (bytes === undefined) return undefined;
      const content: Content & { readonly format: unknown } = JSON.parse(bytes.toString());
      if (content.format === format && belongs(content)) return content;
      log.warn({ file }, 'this is not the key file of this log; the last day is read instead');
    } catch (thrown) {
      log.warn(
        { file, reason: messageOf(thrown) },
        'the key file cannot be read; the last day of the log is read instead',
      );
    }
    return undefined;
  }

  /** From now on. */
  writeNowAndThen(): void {
    if (this.#options.file === undefined) return;
    this.#timer = setInterval(() => void this.#write(), this.#options.everyMs);
    this.#timer.unref();
  }

  /** Call it when nothing changes any more. */
  async close(): Promise<void> {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    await this.#write();
  }

  async #write(): Promise<void> {
    const { file, format, content, log } = this.#options;
    if (file === undefined) return;
    const text = JSON.stringify({ format, ...content() });
    if (text === this.#written) return;
    try {
      await makeDirectories(this.#disk, dirname(file));
      await replaceFile(this.#disk, file, Buffer.from(text));
      this.#written = text;
    } catch (thrown) {
      log.warn({ file, reason: messageOf(thrown) }, 'the key file was not written; the log has the keys');
    }
  }
}
