/** Whether the brokers answer, also at the addresses by which the cluster tells clients to reach them. */
import { plural } from '../../lib/plural.ts';
import { printAddress } from '../../queue/kafka/options.ts';
import { metadata } from '../../queue/kafka/protocol.ts';
import { type Check, onKafka } from '../check.ts';
import { type Finding, warning, well, wrong } from '../finding.ts';
import type { AskedBroker, KafkaProbe } from '../kafka-probe.ts';

export const kafkaBrokers: Check = {
  about: 'brokers',
  applies: onKafka,
  async examine({ config, kafka }) {
    const probe = await kafka();
    const failed = probe.named.filter(({ link }) => link === undefined);
    const isDown = failed.length === probe.named.length;
    const findings = failed.map((broker) => verdict(broker, isDown));
    if (isDown) return findings;
    return [...findings, ...(await advertised(probe, config.queue.brokers))];
  },
};

function verdict({ address, reason, verdict: what }: AskedBroker, isDown: boolean): Finding {
  if (what === 'login') {
    return wrong(`${address} refuses the login: ${reason}`, 'Look at queue.sasl: mechanism, username and password.');
  }
  if (what === 'certificate') {
    return wrong(
      `the certificate of ${address} is not trusted: ${reason}`,
      'Name what signs it in queue.tls.ca, and the broker by a name that is in it.',
    );
  }
  if (what === 'tls') return wrong(`${address} wants TLS`, 'Set queue.tls.enabled, or name another of its listeners.');
  const found = `${address} cannot be reached: ${reason}`;
  const mend =
    'Look whether that broker runs and does not stand still, whether a firewall is between, and whether queue.tls.enabled fits its listener.';
  return isDown ? wrong(found, mend) : warning(found, mend);
}

async function advertised(probe: KafkaProbe, named: readonly string[]): Promise<readonly Finding[]> {
  const { brokers } = await probe.ask(metadata, []);
  const others = brokers.map(printAddress).filter((address) => !named.includes(address));
  const asked = await Promise.all(others.map((address) => probe.connect(address)));
  const failed = asked.filter(({ link }) => link === undefined);
  const findings = failed.map(({ address, reason }) =>
    wrong(
      `the cluster sends clients to ${address}, which cannot be reached: ${reason}`,
      'Set advertised.listeners of that broker to a name and port that can be reached from here.',
    ),
  );
  const reached = brokers.length - failed.length;
  return [...findings, well(`${reached} of the ${plural(brokers.length, 'broker')} of the cluster can be reached`)];
}
