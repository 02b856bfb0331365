/** What the supervisor does for the queue: much for the embedded one, little for Kafka. */
import type { Catalogue } from '../queue/created/catalogue.ts';
import type { GroupState, TopicLayout, TopicState } from '../queue/port.ts';
import type { CoordinatorRequest, Mark, RoleName } from './messages.ts';

export type Handled = Exclude<CoordinatorRequest, { do: 'ledger' | 'metrics' | 'roles' }>;

export interface CoordinatorListeners {
  onLayouts(layouts: Readonly<Record<string, TopicLayout>>): void;
  onCatalogue(catalogue: Catalogue): void;
  onNews(role: RoleName, group: string, member: string): void;
}

export interface QueueCoordinator {
  listen(listeners: CoordinatorListeners): void;
  layouts(): Readonly<Record<string, TopicLayout>>;
  /** As it is now; where roles ask the engine itself it may be empty. */
  catalogue(): Catalogue;
  marks(): readonly Mark[];
  setMarks(marks: readonly Mark[]): void;
  roleEnded(role: RoleName): void;
  handle(from: RoleName, request: Handled): Promise<unknown>;
  topics(only?: string): readonly TopicState[] | Promise<readonly TopicState[]>;
  groups(): Promise<readonly GroupState[]>;
  close(): Promise<void>;
}
