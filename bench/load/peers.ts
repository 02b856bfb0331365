/** The peers of collect-tcp: how each is found on this machine, or how to get it, and how it is run. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../../test/support/needs.ts';
import { kafkaIsInstalled } from '../../tools/engines/kafka.ts';
import { runKafka } from './kafka-producer.ts';
import { runNats } from './nats.ts';
import { runRsyslog } from './rsyslog.ts';

export interface PeerLoad {
  readonly lineBytes: number;
  readonly connections: number;
  readonly partitions: number;
}

export interface Peer {
  readonly name: string;
  /** Events of one round: about ten seconds for this peer. */
  readonly events: number;
  /** Events a second. */
  run(events: number): Promise<number>;
}

/** Those that are there; and for each that is not, a sentence that says how to get it. */
export async function findPeers(load: PeerLoad): Promise<{ readonly peers: Peer[]; readonly missing: string[] }> {
  const found = [rsyslogPeers(load), natsPeers(load), await kafkaPeers(load)];
  return {
    peers: found.flatMap((each) => (typeof each === 'string' ? [] : each)),
    missing: found.filter((each) => typeof each === 'string'),
  };
}

function rsyslogPeers({ lineBytes, connections }: PeerLoad): Peer[] | string {
  const rsyslogd = findProgram('rsyslogd');
  if (rsyslogd === undefined) return 'rsyslog is not installed here: apt-get install rsyslog';
  const peer = (name: string, queue: 'memory' | 'disk', events: number): Peer => ({
    name,
    events,
    run: async (count) => (await runRsyslog({ rsyslogd, queue, events: count, lineBytes, connections })).eventsPerS,
  });
  return [
    peer('rsyslog, memory queue, no sync', 'memory', 4_000_000),
    peer('rsyslog, disk queue, no sync', 'disk', 1_000_000),
  ];
}

function natsPeers({ lineBytes }: PeerLoad): Peer[] | string {
  const [server, client] = ['nats-server', 'nats'].map((name) => findProgram(name, goFolders()));
  if (server === undefined || client === undefined) {
    return 'NATS is not installed here: go install github.com/nats-io/nats-server/v2@v2.15.2 github.com/nats-io/natscli/nats@v0.5.1, one by one';
  }
  const peer = (name: string, syncs: boolean, events: number): Peer => ({
    name,
    events,
    run: (messages) => runNats({ server, client, syncs, messages, messageBytes: lineBytes }),
  });
  return [
    peer('NATS JetStream, no sync', false, 1_500_000),
    peer('NATS JetStream, synced (sync_interval always)', true, 30_000),
  ];
}

const goFolders = (): string[] => [
  ...(process.env.GOBIN ? [process.env.GOBIN] : []),
  join(process.env.GOPATH || join(homedir(), 'go'), 'bin'),
];

async function kafkaPeers({ lineBytes, partitions }: PeerLoad): Promise<Peer[] | string> {
  if (findProgram('java') === undefined || !(await kafkaIsInstalled())) {
    return 'Kafka is not installed here: npm run engines -- up kafka, and down kafka';
  }
  const peer = (name: string, syncs: boolean, events: number): Peer => ({
    name,
    events,
    run: (messages) => runKafka({ syncs, messages, messageBytes: lineBytes, partitions }),
  });
  return [
    peer('Kafka, acks=all, no sync', false, 1_500_000),
    peer('Kafka, acks=all, synced (log.flush.interval.messages=1)', true, 750_000),
  ];
}
