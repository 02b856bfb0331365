/**
 * Where a verb writes. For people on a terminal there is colour and progress; in a pipe there is neither. A reader that
 * goes away (`spillway read raw | head`) ends the program in silence, as other tools do; but a server goes on.
 */
import { once } from 'node:events';
import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

export class Output {
  readonly #out: NodeJS.WriteStream;
  readonly #err: NodeJS.WriteStream;
  #hasProgress = false;
  #goesOn = false;

  constructor(out: NodeJS.WriteStream, err: NodeJS.WriteStream) {
    this.#out = out;
    this.#err = err;
    for (const stream of [out, err]) {
      stream.on('error', (error: NodeJS.ErrnoException) => {
        if (this.#goesOn && ['EPIPE', 'ERR_STREAM_DESTROYED'].includes(error.code ?? '')) return;
        if (error.code !== 'EPIPE') throw error;
        process.exit(0);
      });
    }
  }

  /** From here on a reader that goes away does not end the program: its work is not what it prints. */
  goOnUnread(): void {
    this.#goesOn = true;
  }

  /** Whether a person reads it. */
  get isTerminal(): boolean {
    return this.#out.isTTY === true;
  }

  get columns(): number {
    return this.#out.columns ?? 120;
  }

  /** With colour where the terminal has it (NO_COLOR and FORCE_COLOR are heeded). */
  style(style: Style, text: string): string {
    return styleText(style, text, { stream: this.#out });
  }

  line(text: string): void {
    this.#clearProgress();
    this.#out.write(`${text}\n`);
  }

  /** The same, waiting while the reader is slow. */
  async lines(text: string): Promise<void> {
    this.#clearProgress();
    if (!this.#out.write(text)) await once(this.#out, 'drain');
  }

  /** About the work, not part of the result: to standard error. */
  note(text: string): void {
    this.#clearProgress();
    this.#err.write(`${text}\n`);
  }

  /** An error, to standard error. */
  problem(text: string): void {
    this.#clearProgress();
    this.#err.write(`${styleText('red', 'spillway:', { stream: this.#err })} ${text}\n`);
  }

  /** One line that is overwritten by the next; only where standard error is a terminal. */
  progress(text: string): void {
    if (this.#err.isTTY !== true) return;
    this.#err.write(`\r\x1b[2K${text.slice(0, (this.#err.columns ?? 80) - 1)}`);
    this.#hasProgress = true;
  }

  #clearProgress(): void {
    if (!this.#hasProgress) return;
    this.#err.write('\r\x1b[2K');
    this.#hasProgress = false;
  }
}
