/** Where partitions begin and end, and where a time is in them, as their leaders say. */
import { ResponseError } from '@platformatic/kafka';
import type { TopicPartition } from '../port.ts';
import { passes, placeOf } from './broker-errors.ts';
import type { Cluster } from './cluster.ts';
import { type BrokerAddress, printAddress } from './options.ts';
import { listOffsets } from './protocol.ts';

/** Kafka's words for them, in place of a time. */
export const WHEN = { earliest: -2, end: -1 } as const;
const CONSUMER = -1;

/** The offset of the first record at or after the time (epoch ms); -1 where there is none. */
export async function offsetAt(cluster: Cluster, at: TopicPartition, when: number): Promise<number> {
  const doing = `asking where ${placeOf(at)} ${when === WHEN.earliest ? 'begins' : 'ends'}`;
  const { topics } = await cluster.askLeader(at, { doing }, listOffsets, CONSUMER, 0, questionsOf([at], when));
  return Number(topics[0]?.partitions[0]?.offset ?? -1);
}

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
    const failures: unknown[] = [];
    const left = [...asked].flatMap(([place, at]) => (ends.has(place) ? [] : [at]));
    const leaders = await Promise.all(
      left.map((at) => cluster.leader(at).catch((thrown) => void failures.push(thrown))),
    );
    const led = Map.groupBy(left.keys(), (i) => leaders[i] && printAddress(leaders[i]));
    const answered = [...led.values()].map(async (each) => {
      const [leader] = each.map((i) => leaders[i]);
      if (leader !== undefined)
        failures.push(
          ...(await takeEnds(
            cluster,
            leader,
            each.flatMap((i) => left[i] ?? []),
            ends,
          )),
        );
    });
    await Promise.all(answered);
    const failure = failures.find(passes);
    if (failure !== undefined) throw failure;
  };
  await cluster.persist({ doing: 'asking where partitions end' }, askForTheRest).catch(() => {});
  return places.map((at) => ends.get(placeOf(at)));
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
