/** What the front door asks the supervisor: it answers also when the store is dead. */
import type { LedgerAnswer, LedgerQuestion } from '../monitor/ledger/ledger.ts';
import type { GroupState, TopicState } from '../queue/port.ts';
import type { SupervisorLink } from './link.ts';
import type { RoleReport } from './role-process.ts';

export class SupervisorQuestions {
  readonly #link: SupervisorLink;

  constructor(link: SupervisorLink) {
    this.#link = link;
  }

  topics(only?: string): Promise<readonly TopicState[]> {
    return this.#link.request({ do: 'topics', ...(only === undefined ? {} : { only }) });
  }

  groups(): Promise<readonly GroupState[]> {
    return this.#link.request({ do: 'groups' });
  }

  addPartitions(partitions: number): Promise<number> {
    return this.#link.request({ do: 'addPartitions', partitions });
  }

  ledger(question: LedgerQuestion): Promise<LedgerAnswer> {
    return this.#link.request({ do: 'ledger', question });
  }

  /** Prometheus text. */
  metrics(): Promise<string> {
    return this.#link.request({ do: 'metrics' });
  }

  roles(): Promise<readonly RoleReport[]> {
    return this.#link.request({ do: 'roles' });
  }
}
