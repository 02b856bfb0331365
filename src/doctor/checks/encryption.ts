/** What leaves this machine unencrypted, or is believed without a look at its certificate. */
import { isLoopback } from '../../config/exposure.ts';
import { parseAddress } from '../../queue/kafka/options.ts';
import { always, type Check, onKafka, onOpenSearch } from '../check.ts';
import { type Finding, warning, well } from '../finding.ts';

export const encryption: Check = {
  about: 'encryption',
  applies: always,
  async examine(installation) {
    const { queue, search } = installation.config;
    const findings: Finding[] = [];
    if (onKafka(installation) && !queue.tls.enabled) {
      const far = queue.brokers.filter((broker) => !isLoopback(parseAddress(broker)?.host ?? ''));
      if (far.length > 0) {
        const found = `records go to Kafka (${far.join(', ')}) unencrypted`;
        findings.push(
          warning(found, 'Set queue.tls.enabled, and queue.sasl, unless the network between is yours alone.'),
        );
      }
    }
    if (onOpenSearch(installation)) {
      const plain = search.nodes.filter((node) => node.startsWith('http:') && !isLoopback(new URL(node).hostname));
      if (plain.length > 0) {
        const found = `events go to OpenSearch (${plain.join(', ')}) unencrypted`;
        findings.push(warning(found, 'Write https: in search.nodes, unless the network between is yours alone.'));
      }
      if (!search.tls.verify && search.nodes.some((node) => node.startsWith('https:'))) {
        const found = 'any certificate of OpenSearch is believed (search.tls.verify is false)';
        findings.push(
          warning(found, 'Name the certificates that sign it in search.tls.ca, and remove search.tls.verify.'),
        );
      }
    }
    return findings.length > 0 ? findings : [well('nothing goes to an engine of another machine in the clear')];
  },
};
