/** Which brokers do not answer: one that stands still takes connections, so that it is found out by a question alone. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from './cluster.ts';
import { type BrokerAddress, printAddress } from './options.ts';
import { metadata } from './protocol.ts';

/** Time is told in so many parts: what this process has slept through is one of them at the most. */
const PARTS = 10;

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
  return Promise.race([answer, patience(ms)]);
}

/** Where this process stood still, an answer may have come that it has not read yet. */
async function patience(ms: number): Promise<false> {
  for (let part = 0; part < PARTS; part++) await delay(ms / PARTS, undefined, { ref: false });
  return false;
}
