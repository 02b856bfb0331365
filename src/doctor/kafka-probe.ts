/**
 * A cluster of Kafka as it is now: every broker that the configuration names is asked for itself, and nothing is asked
 * again, since what does not answer at once is what a check is to say.
 */
import type { API } from '@platformatic/kafka';
import { messageOf } from '../lib/errors.ts';
import { DOCTOR_LIMITS } from '../lib/limits.ts';
import { reasonOf, verdictOn } from '../queue/kafka/broker-errors.ts';
import { BrokerLink } from '../queue/kafka/broker-link.ts';
import { type KafkaOptions, parseAddress } from '../queue/kafka/options.ts';
import { apiVersions } from '../queue/kafka/protocol.ts';
import { NotAsked, TooLate, within } from './finding.ts';

export interface AskedBroker {
  readonly address: string;
  readonly link: BrokerLink | undefined;
  /** Why there is no link. */
  readonly reason: string;
  readonly verdict: ReturnType<typeof verdictOn>;
}

export class KafkaProbe {
  readonly #options: KafkaOptions;
  readonly named: readonly AskedBroker[];
  readonly #links: BrokerLink[];

  private constructor(options: KafkaOptions, named: readonly AskedBroker[]) {
    this.#options = options;
    this.named = named;
    this.#links = named.flatMap(({ link }) => link ?? []);
  }

  static async open(options: KafkaOptions): Promise<KafkaProbe> {
    return new KafkaProbe(options, await Promise.all(options.brokers.map((address) => connect(address, options))));
  }

  /** Another broker than those that are named. */
  async connect(address: string): Promise<AskedBroker> {
    const asked = await connect(address, this.#options);
    if (asked.link !== undefined) this.#links.push(asked.link);
    return asked;
  }

  /** Of the first broker that has taken a connection. Throws NotAsked, TooLate, what the library throws. */
  async ask<Question extends unknown[], Answer>(api: API<Question, Answer>, ...question: Question): Promise<Answer> {
    const link = this.#links.find(({ isOpen }) => isOpen);
    if (link === undefined) throw new NotAsked('not asked: no broker could be asked');
    return within(DOCTOR_LIMITS.requestMs, 'Kafka did not answer', link.ask(api, ...question));
  }

  /** The same of that broker. Throws NotAsked where it has taken no connection. */
  async askOne<Question extends unknown[], Answer>(
    address: string,
    api: API<Question, Answer>,
    ...question: Question
  ): Promise<Answer> {
    const named = this.named.find((broker) => broker.address === address);
    const { link } = named ?? (await this.connect(address));
    if (link === undefined) throw new NotAsked(`not asked: ${address} cannot be reached`);
    return within(DOCTOR_LIMITS.requestMs, `${address} did not answer`, link.ask(api, ...question));
  }

  close(): void {
    for (const link of this.#links) link.close();
  }
}

async function connect(address: string, options: KafkaOptions): Promise<AskedBroker> {
  const parsed = parseAddress(address);
  if (parsed === undefined) return { address, link: undefined, reason: 'it is not HOST:PORT', verdict: 'failed' };
  // One question, since whoever speaks another language takes a connection too.
  const opening = BrokerLink.open(parsed, options).then(async (link) => {
    await link.ask(apiVersions, 'spillway', '1').catch((thrown: unknown) => {
      link.close();
      throw thrown;
    });
    return link;
  });
  try {
    const link = await within(DOCTOR_LIMITS.connectMs, 'it did not answer', opening);
    return { address, link, reason: '', verdict: 'failed' };
  } catch (thrown) {
    // One that comes after all is not wanted any more.
    opening.then((link) => link.close()).catch(() => {});
    const reason = thrown instanceof TooLate ? messageOf(thrown) : reasonOf(thrown);
    return { address, link: undefined, reason, verdict: thrown instanceof TooLate ? 'retry' : verdictOn(thrown) };
  }
}
