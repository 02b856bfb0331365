/** How much room there is on the brokers' disks. A broker whose disk is full ends by itself. */
import { messageOf } from '../../lib/errors.ts';
import { DOCTOR_LIMITS } from '../../lib/limits.ts';
import { formatSize } from '../../lib/units.ts';
import { brokerErrorOf, reasonOf, verdictOn } from '../../queue/kafka/broker-errors.ts';
import { printAddress } from '../../queue/kafka/options.ts';
import { describeLogDirs, metadata } from '../../queue/kafka/protocol.ts';
import { type Check, onKafka } from '../check.ts';
import { type Finding, NotAsked, TooLate, unknown, warning, well, wrong } from '../finding.ts';
import type { KafkaProbe } from '../kafka-probe.ts';

const MEND = 'Enlarge its disk, add brokers and move partitions to them, or lower queue.retention or queue.maxSize.';
const OFFLINE =
  'Look into its log: a disk has failed. Replace it, or take the folder out of log.dirs, and start it again.';
/** Of a broker that does not know. */
const NOT_TOLD = 0n;

export const kafkaDisk: Check = {
  about: "Kafka's disks",
  applies: onKafka,
  async examine({ kafka }) {
    const probe = await kafka();
    const { brokers } = await probe.ask(metadata, []);
    const findings = await Promise.all(brokers.map((broker) => ofBroker(probe, printAddress(broker))));
    return findings.flat();
  },
};

async function ofBroker(probe: KafkaProbe, address: string): Promise<readonly Finding[]> {
  try {
    // What is asked is how full its folders are, and of no partition in them.
    const { results } = await probe.askOne(address, describeLogDirs, []);
    if (results.length === 0) return [unknown(`${address} does not tell how full its disks are`)];
    return results.map((folder) => judgeFolder(address, folder));
  } catch (thrown) {
    // Another check says of a broker that it cannot be reached.
    if (thrown instanceof NotAsked) return [];
    if (thrown instanceof TooLate) return [unknown(messageOf(thrown))];
    const reason = brokerErrorOf(thrown);
    if (reason === undefined && verdictOn(thrown) === 'retry') return [unknown(`${address}: ${reasonOf(thrown)}`)];
    if (reason === undefined) throw thrown;
    if (reason === 'KAFKA_STORAGE_ERROR') return [wrong(`${address} has a log.dir that is offline`, OFFLINE)];
    return [unknown(`${address} does not tell this user how full its disks are (Describe on the cluster)`)];
  }
}

interface Folder {
  readonly logDir: string;
  readonly totalBytes: bigint;
  readonly usableBytes: bigint;
}

export function judgeFolder(address: string, { logDir, totalBytes, usableBytes }: Folder): Finding {
  if (totalBytes <= NOT_TOLD) return unknown(`${address} does not tell how full the disk of ${logDir} is`);
  const usedPercent = 100 - (100 * Number(usableBytes)) / Number(totalBytes);
  // A broker does not tell what of the rest is kept for root, which `df` leaves out.
  const found = `${address}: ${formatSize(Number(usableBytes))} of ${formatSize(Number(totalBytes))} free where ${logDir} is, ${usedPercent.toFixed(0)} % used or kept for root`;
  if (usedPercent >= DOCTOR_LIMITS.kafkaDiskWrongPercent) {
    return wrong(`${found}: when it is full the broker ends`, MEND);
  }
  return usedPercent >= DOCTOR_LIMITS.kafkaDiskWarningPercent ? warning(found, MEND) : well(found);
}
