/** Kafka 4.0 or later with its own consumer groups (KIP-848): processor and store are members of such. */
import { apiVersions, groupHeartbeat } from '../../queue/kafka/protocol.ts';
import { type Check, onKafka } from '../check.ts';
import { well, wrong } from '../finding.ts';

export const kafkaVersion: Check = {
  about: 'Kafka version',
  applies: onKafka,
  async examine({ config, kafka }) {
    const { apiKeys, finalizedFeatures = [] } = await (await kafka()).ask(apiVersions, 'spillway', '1');
    const level = (feature: string) => finalizedFeatures.find(({ name }) => name === feature)?.maxVersionLevel ?? 0;
    const groups = apiKeys.find(({ apiKey }) => apiKey === groupHeartbeat.key);
    if (groups === undefined || groups.maxVersion < groupHeartbeat.version) {
      return [
        wrong('it is older than 4.0: it has no consumer groups by KIP-848', 'Upgrade to Apache Kafka 4.0 or later.'),
      ];
    }
    if (level('group.version') < 1) {
      const [broker] = config.queue.brokers;
      const mend = `kafka-features.sh --bootstrap-server ${broker} upgrade --feature group.version=1`;
      return [wrong('its consumer groups by KIP-848 are turned off (group.version is 0)', mend)];
    }
    return [well(`4.0 or later (metadata.version ${level('metadata.version')}), with consumer groups by KIP-848`)];
  },
};
