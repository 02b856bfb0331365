/** Where partitions begin and end, and where a time is in them, as their leaders say. */
import { ResponseError } from '@platformatic/kafka';
import { placeOf } from '../place.ts';
import type { TopicPartition } from '../port.ts';
import { passes } from './broker-errors.ts';
import type { Cluster } from './cluster.ts';
import { type BrokerAddress, printAddress } from './options.ts';
import { listOffsets } from './protocol.ts';

/** Kafka's words for them, in place of a time. */
export const WHEN = { earliest: -2, end: -1 } as const;
const CONSUMER = -1;

/** The offset of the first record at or after the time (epoch ms); -1 where there is none. */
export async function offsetAt(cluster: Cluster, at: TopicPartition, when: number): Promise<number> {
  const doing = `asking where ${placeOf(at)} ${when === WHEN.earliest ? 'begins' : 'ends'}`;
  return onlyOffset(await cluster.askLeader(at, { doing }, listOffsets, CONSUMER, 0, questionsOf([at], when)));
}

/** Asked once, for whoever asks again. Throws what the library throws. */
export async function endOffsetOnce(cluster: Cluster, at: TopicPartition): Promise<number> {
  const leader = await cluster.leader(at);
  return onlyOffset(await cluster.askOnce(leader, listOffsets, CONSUMER, 0, questionsOf([at], WHEN.end)));
}

const onlyOffset = ({ topics }: ListedOffsets): number => Number(topics[0]?.partitions[0]?.offset ?? -1);

/**
 * Where each of them ends, by one question to each broker that leads some of them; undefined where nobody says it for
 * as long as anything is asked. Never throws.
 */
export async function endOffsets(
  cluster: Cluster,
  places: readonly TopicPartition[],
): Promise<readonly (number | undefined)[]> {
  // A broker refuses a question that names one of them twice.
  const asked = new Map(places.map((at) => [placeOf(at), at]));
  const ends = new Map<string, number>();
  const askForTheRest = async () => {
    const left = [...asked].flatMap(([place, at]) => (ends.has(place) ? [] : [at]));
    const { led, failures } = await byLeader(cluster, left);
    const refused = await Promise.all(led.map(({ leader, places }) => takeEnds(cluster, leader, places, ends)));
    const failure = [...failures, ...refused.flat()].find(passes);
    if (failure !== undefined) throw failure;
  };
  await cluster.persist({ doing: 'asking where partitions end' }, askForTheRest).catch(() => {});
  return places.map((at) => ends.get(placeOf(at)));
}

interface Led {
  readonly leader: BrokerAddress;
  readonly places: TopicPartition[];
}

/** Who leads which of them; and why some have no leader. */
async function byLeader(
  cluster: Cluster,
  places: readonly TopicPartition[],
): Promise<{ readonly led: Led[]; readonly failures: unknown[] }> {
  const led = new Map<string, Led>();
  const failures: unknown[] = [];
  const sort = async (at: TopicPartition) => {
    const leader = await cluster.leader(at);
    const known = led.get(printAddress(leader));
    if (known === undefined) led.set(printAddress(leader), { leader, places: [at] });
    else known.places.push(at);
  };
  await Promise.all(places.map((at) => sort(at).catch((thrown) => void failures.push(thrown))));
  return { led: [...led.values()], failures };
}

/** Puts in what the broker says, of some also where it refuses others; and why it did not say all. */
async function takeEnds(
  cluster: Cluster,
  leader: BrokerAddress,
  places: readonly TopicPartition[],
  ends: Map<string, number>,
): Promise<unknown[]> {
  const failures: unknown[] = [];
  const { topics } = await cluster
    .askOnce(leader, listOffsets, CONSUMER, 0, questionsOf(places, WHEN.end))
    .catch((failure: unknown) => {
      failures.push(failure);
      return partOf(failure);
    });
  for (const { name, partitions } of topics) {
    for (const { partitionIndex, errorCode, offset } of partitions) {
      if (errorCode === 0) ends.set(placeOf({ topic: name, partition: partitionIndex }), Number(offset));
    }
  }
  return failures;
}

type ListedOffsets = Awaited<ReturnType<typeof listOffsets.async>>;

/** The library makes an error of an answer in which one partition is refused; what it says of the others counts too. */
function partOf(failure: unknown): Pick<ListedOffsets, 'topics'> {
  const isAnswer = failure instanceof ResponseError && 'response' in failure;
  return isAnswer ? (failure.response as ListedOffsets) : { topics: [] };
}

function questionsOf(places: readonly TopicPartition[], when: number) {
  const byTopic = Map.groupBy(places, ({ topic }) => topic);
  return [...byTopic].map(([name, parts]) => ({
    name,
    partitions: parts.map(({ partition }) => ({
      partitionIndex: partition,
      currentLeaderEpoch: -1,
      timestamp: BigInt(when),
    })),
  }));
}
