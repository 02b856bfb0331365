/** The clock of Kafka's controller: its quorum says when its leader was last caught up with itself, which is now. */
import { brokerErrorOf } from '../../queue/kafka/broker-errors.ts';
import { describeQuorum } from '../../queue/kafka/protocol.ts';
import { type Check, onKafka } from '../check.ts';
import { judgeClock } from '../engine-clock.ts';
import { unknown } from '../finding.ts';

const TOPIC = '__cluster_metadata';

export const kafkaClock: Check = {
  about: "Kafka's clock",
  applies: onKafka,
  async examine({ kafka }) {
    const probe = await kafka();
    const beforeMs = Date.now();
    try {
      const asked = [{ topicName: TOPIC, partitions: [{ partitionIndex: 0 }] }];
      const { topics } = await probe.ask(describeQuorum, asked);
      const afterMs = Date.now();
      const [{ leaderId, currentVoters } = { leaderId: -1, currentVoters: [] }] = topics[0]?.partitions ?? [];
      const leader = currentVoters.find(({ replicaId }) => replicaId === leaderId);
      const thereMs = Number(leader?.lastCaughtUpTimestamp ?? 0);
      if (!(thereMs > 0)) return [unknown('Kafka does not tell what time it has')];
      return [judgeClock({ whose: `Kafka's controller (node ${leaderId})`, beforeMs, thereMs, afterMs })];
    } catch (thrown) {
      if (brokerErrorOf(thrown) === undefined) throw thrown;
      return [unknown('Kafka does not tell this user what time it has (Describe on the cluster)')];
    }
  },
};
