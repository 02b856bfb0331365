/** Which brokers do not answer: one that stands still takes connections, so that it is found out by a question alone. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from './cluster.ts';
import { type BrokerAddress, printAddress } from './options.ts';
import { metadata } from './protocol.ts';

export type Asked = Pick<Cluster, 'brokerAddresses' | 'askOnce'>;

/** Of those that are known, as `host:port`: those that have not answered the least of questions within so long. */
export async function silentBrokers(cluster: Asked, withinMs: number): Promise<readonly string[]> {
  const known = cluster.brokerAddresses;
  const answers = await Promise.all(known.map((address) => answersWithin(withinMs, cluster, address)));
  return known.filter((_, i) => answers[i] === false).map(printAddress);
}

async function answersWithin(ms: number, cluster: Asked, address: BrokerAddress): Promise<boolean> {
  const answer = cluster.askOnce(address, metadata, []).then(
    () => true,
    () => false,
  );
  return Promise.race([answer, delay(ms, false, { ref: false })]);
}
