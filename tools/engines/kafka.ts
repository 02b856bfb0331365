/**
 * Apache Kafka (KRaft, every node broker and controller), and its command line tools as Java classes. Three nodes make
 * three replicas of which two must be in sync.
 */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine, NodePlan, Place } from './engine.ts';
import { homeOf, installed, isThere } from './folders.ts';
import { furtherFlags, javaOf } from './java.ts';
import { copyJars } from './maven.ts';
import { type Output, run } from './run.ts';

const VERSION = '4.3.1';
/** slf4j 1.7: hence log4j-slf4j-impl and not -slf4j2-impl. */
const LOG4J = '2.25.5';
const LEAST_JAVA = 17;
/** All nodes have the same one, now and later, and no other cluster has it: 16 bytes, of which the first begins no option. */
function clusterIdOf(data: string): string {
  const bytes = createHash('sha256').update(data).digest().subarray(0, 16);
  bytes[0] = 1;
  return bytes.toString('base64url');
}

const SERVER_HEAP = { single: '512m', several: '256m' };

export const kafka: Engine = {
  programs: { java: 'openjdk-17-jre-headless' },
  installers: { mvn: 'maven' },
  maxNodes: 3,
  startsTogether: true,
  version: async () => VERSION,
  async install(folder) {
    const jars = [
      `org.apache.kafka:kafka_2.13:${VERSION}`,
      `org.apache.kafka:kafka-tools:${VERSION}`,
      `org.apache.logging.log4j:log4j-slf4j-impl:${LOG4J}`,
      `org.apache.logging.log4j:log4j-1.2-api:${LOG4J}`,
    ];
    await copyJars(jars, join(folder, 'lib'));
    await writeFile(join(folder, 'server.yaml'), logging('SYSTEM_OUT', 'INFO'));
    await writeFile(join(folder, 'tools.yaml'), logging('SYSTEM_ERR', 'WARN'));
  },
  async plan(place) {
    const { command } = await javaOf(LEAST_JAVA);
    const numbers = Array.from({ length: place.nodes }, (_, i) => i + 1);
    const voters = await Promise.all(numbers.map(async (n) => `${n}@127.0.0.1:${await place.port(`controller-${n}`)}`));
    const plans: NodePlan[] = [];
    const folders: { readonly file: string; readonly data: string }[] = [];
    for (const n of numbers) {
      const port = await place.port(`node-${n}`);
      const controller = await place.port(`controller-${n}`);
      const folder = join(place.data, `node-${n}`);
      await mkdir(folder, { recursive: true });
      const file = join(folder, 'server.properties');
      const settings = { ...propertiesOf(n, port, controller, voters, join(folder, 'data')), ...place.settings };
      const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
      await writeFile(file, lines.join(''));
      folders.push({ file, data: join(folder, 'data') });
      plans.push({
        name: `node-${n}`,
        host: '127.0.0.1',
        port,
        command,
        args: [...serverFlags(place), 'kafka.Kafka', file],
        ready: { kind: 'log', text: 'Kafka Server started' },
      });
    }
    await Promise.all(folders.map(({ file, data }) => format(place, file, data)));
    return plans;
  },
};

/** The folder of a new node. */
async function format(place: Place, file: string, data: string): Promise<void> {
  if (await isThere(join(data, 'meta.properties'))) return;
  const id = clusterIdOf(place.data);
  await toolIn(place.home, 'kafka.tools.StorageTool', ['format', '--ignore-formatted', '-t', id, '-c', file]);
}

/** Whether its jars are there already, so that a tool needs nothing but Java. */
export const kafkaIsInstalled = async (): Promise<boolean> => isThere(await homeOf('kafka', kafka));

/** Runs one of Kafka's tools by its class; installs Kafka first where it is not there yet. */
export async function kafkaTool(className: string, args: readonly string[], heap = '256m'): Promise<Output> {
  return toolIn(await installed('kafka', kafka), className, args, heap);
}

async function toolIn(home: string, className: string, args: readonly string[], heap = '256m'): Promise<Output> {
  const { command } = await javaOf(LEAST_JAVA);
  const flags = [`-Xmx${heap}`, '-XX:+UseSerialGC', '-Djava.net.preferIPv4Stack=true'];
  return run(command, [...flags, ...classPath(home, 'tools.yaml'), className, ...args]);
}

const classPath = (home: string, log: string): string[] => [
  `-Dlog4j2.configurationFile=${join(home, log)}`,
  '-cp',
  join(home, 'lib/*'),
];

function serverFlags({ home, nodes }: Place): string[] {
  const heap = nodes === 1 ? SERVER_HEAP.single : SERVER_HEAP.several;
  const collector = ['-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20', '-XX:InitiatingHeapOccupancyPercent=35'];
  const flags = ['-server', `-Xms${heap}`, `-Xmx${heap}`, ...collector, '-Djava.net.preferIPv4Stack=true'];
  return [...flags, ...furtherFlags(), ...classPath(home, 'server.yaml')];
}

function propertiesOf(
  node: number,
  port: number,
  controller: number,
  voters: readonly string[],
  data: string,
): Record<string, string | number> {
  const replicas = voters.length;
  const inSync = replicas > 1 ? 2 : 1;
  return {
    'process.roles': 'broker,controller',
    'node.id': node,
    'controller.quorum.voters': voters.join(','),
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'log.dirs': data,
    'auto.create.topics.enable': 'false',
    'default.replication.factor': replicas,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': replicas,
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
    'transaction.state.log.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': inSync,
    'share.coordinator.state.topic.num.partitions': 1,
    'group.initial.rebalance.delay.ms': 0,
    'num.network.threads': 2,
    'num.io.threads': 4,
    'num.recovery.threads.per.data.dir': 1,
    'background.threads': 2,
    'log.cleaner.dedupe.buffer.size': 4_194_304,
    'log.retention.check.interval.ms': 10_000,
    // A node that was killed is missed soon.
    ...(replicas > 1 ? { 'broker.session.timeout.ms': 6_000, 'broker.heartbeat.interval.ms': 1_000 } : {}),
  };
}

const logging = (target: string, level: string): string => `Configuration:
  Appenders:
    Console: {name: console, target: ${target}, PatternLayout: {pattern: "%d %p %m (%c)%n"}}
  Loggers:
    Root: {level: ${level}, AppenderRef: {ref: console}}
`;
