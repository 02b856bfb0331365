/**
 * Marks on their way to another process, one message at a time: while one is in the channel the next ones are gathered,
 * the newest of each partition. A peer that stands still for hours costs one mark a partition, and not its hours.
 */
import type { Mark } from './messages.ts';

export class MarksOutbox {
  readonly #post: (marks: readonly Mark[], sent: () => void) => void;
  readonly #gathered = new Map<string, Mark>();
  #isUnderWay = false;

  /** `post` calls back when the channel has taken the message. */
  constructor(post: (marks: readonly Mark[], sent: () => void) => void) {
    this.#post = post;
  }

  send(marks: readonly Mark[]): void {
    for (const mark of marks) this.#gathered.set(`${mark.topic}/${mark.partition}`, mark);
    this.#next();
  }

  #next(): void {
    if (this.#isUnderWay || this.#gathered.size === 0) return;
    const marks = [...this.#gathered.values()];
    this.#gathered.clear();
    this.#isUnderWay = true;
    this.#post(marks, () => {
      this.#isUnderWay = false;
      this.#next();
    });
  }
}
