/** The policy of an engine that one store alone writes to: it is kept in the store's journal. */
import type { StoreJournal } from '../journal.ts';
import type { PolicyLog } from '../port.ts';
import type { Decision, SlicePolicy } from './slice-policy.ts';
import type { Volume } from './volumes.ts';

export class LocalPolicy implements PolicyLog {
  readonly #journal: StoreJournal;

  constructor(journal: StoreJournal) {
    this.#journal = journal;
  }

  get current(): SlicePolicy {
    return this.#journal.policy;
  }

  async refresh(): Promise<void> {}

  async append(decisions: readonly Decision[]): Promise<boolean> {
    if (decisions.some(({ version }) => version <= this.current.version)) return false;
    await this.#journal.decide(decisions);
    return true;
  }

  async shareVolumes(own: ReadonlyMap<string, Volume>): Promise<ReadonlyMap<string, Volume>> {
    return own;
  }
}
