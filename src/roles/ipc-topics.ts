/** The topics that users create as a role sees them: the supervisor keeps the catalogue and tells of each change. */
import { type Catalogue, copyCatalogue } from '../queue/created/catalogue.ts';
import type { TopicAdmin, TopicAdminCall } from '../queue/created/topic-admin.ts';
import type { SupervisorLink } from './link.ts';

export class IpcTopics implements TopicAdmin {
  readonly #link: SupervisorLink;
  readonly #flushMarks: () => void;
  readonly #listeners = new Set<() => void>();
  #catalogue: Catalogue;

  /** `catalogue`: that of the start. `flushMarks` sends what this process's writers have said. */
  constructor(link: SupervisorLink, catalogue: Catalogue, flushMarks: () => void) {
    this.#link = link;
    this.#flushMarks = flushMarks;
    this.#catalogue = copyCatalogue(catalogue);
    link.on('catalogue', (message) => {
      this.#catalogue = copyCatalogue(message.catalogue);
      for (const listener of this.#listeners) listener();
    });
  }

  get catalogue(): Catalogue {
    return this.#catalogue;
  }

  /** Changes are told before they are answered: there is nothing newer to ask for. */
  async refresh(): Promise<void> {}

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  createTopic: TopicAdmin['createTopic'] = (name, settings) => this.#ask({ call: 'createTopic', name, settings });
  changeTopic: TopicAdmin['changeTopic'] = (name, change) => this.#ask({ call: 'changeTopic', name, change });
  beginDeletion: TopicAdmin['beginDeletion'] = (name) => this.#ask({ call: 'beginDeletion', name });
  endDeletion: TopicAdmin['endDeletion'] = (name) => {
    // What was said of the topic is to arrive before it is forgotten.
    this.#flushMarks();
    return this.#ask({ call: 'endDeletion', name });
  };
  addGroup: TopicAdmin['addGroup'] = (group, topics) => this.#ask({ call: 'addGroup', group, topics });
  removeGroup: TopicAdmin['removeGroup'] = (group) => this.#ask({ call: 'removeGroup', group });
  resetOffset: TopicAdmin['resetOffset'] = (group, { topic, partition }, position) =>
    this.#ask({ call: 'resetOffset', group, topic, partition, position });

  async #ask(asked: TopicAdminCall): Promise<void> {
    await this.#link.request<null>({ do: 'topicAdmin', asked });
  }
}
