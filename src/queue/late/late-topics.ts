/** Topics that users create, while the queue that has them may not be there yet: refused with what is waited for. */
import type { Catalogue } from '../created/catalogue.ts';
import type { TopicAdmin } from '../created/topic-admin.ts';
import type { Arrival } from './arrival.ts';

export class LateTopics implements TopicAdmin {
  readonly #admin: TopicAdmin;
  readonly #arrival: Arrival;

  constructor(admin: TopicAdmin, arrival: Arrival) {
    this.#admin = admin;
    this.#arrival = arrival;
  }

  get known(): Promise<void> {
    return this.#arrival.there;
  }

  /** Throws while nothing is known: no topic is missing because of that. */
  get catalogue(): Catalogue {
    return this.#there().catalogue;
  }

  onChange(listener: () => void): () => void {
    return this.#admin.onChange(() => {
      if (this.#arrival.isThere) listener();
    });
  }

  async refresh(): Promise<void> {
    await this.#there().refresh();
  }

  async createTopic(...asked: Parameters<TopicAdmin['createTopic']>): Promise<void> {
    await this.#there().createTopic(...asked);
  }

  async changeTopic(...asked: Parameters<TopicAdmin['changeTopic']>): Promise<void> {
    await this.#there().changeTopic(...asked);
  }

  async beginDeletion(name: string): Promise<void> {
    await this.#there().beginDeletion(name);
  }

  async endDeletion(name: string): Promise<void> {
    await this.#there().endDeletion(name);
  }

  async addGroup(...asked: Parameters<TopicAdmin['addGroup']>): Promise<void> {
    await this.#there().addGroup(...asked);
  }

  async removeGroup(group: string): Promise<void> {
    await this.#there().removeGroup(group);
  }

  async resetOffset(...asked: Parameters<TopicAdmin['resetOffset']>): Promise<void> {
    await this.#there().resetOffset(...asked);
  }

  #there(): TopicAdmin {
    this.#arrival.assertThere();
    return this.#admin;
  }
}
