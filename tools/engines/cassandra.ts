/** Apache Cassandra. Nodes of a cluster have loopback addresses of their own, and the same ports. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine, NodePlan, Place } from './engine.ts';
import { javaOf } from './java.ts';
import { copyJars } from './maven.ts';

const VERSION = '5.0.8';
const LEAST_JAVA = 17;
const HEAP = '512m';

/** What Cassandra's own start script opens to it. */
const EXPORTS = [
  ...['java.base/jdk.internal.misc', 'java.base/jdk.internal.ref', 'java.base/java.lang.ref', 'java.sql/java.sql'],
  ...['java.management.rmi/com.sun.jmx.remote.internal.rmi', 'java.rmi/sun.rmi.registry', 'java.rmi/sun.rmi.server'],
  ...['jdk.unsupported/sun.misc', 'jdk.compiler/com.sun.tools.javac.file', 'jdk.attach/sun.tools.attach'],
];
const OPENS = [
  ...['java.lang.module', 'jdk.internal.loader', 'jdk.internal.ref', 'jdk.internal.reflect', 'jdk.internal.math'],
  ...['jdk.internal.module', 'jdk.internal.util.jar', 'sun.nio.ch', 'java.io', 'java.nio', 'java.lang.reflect'],
  ...['java.lang', 'java.util', 'java.util.concurrent', 'java.util.concurrent.atomic'],
].map((name) => `java.base/${name}`);

export const cassandra: Engine = {
  programs: { java: 'openjdk-17-jre-headless' },
  installers: { mvn: 'maven' },
  maxNodes: 3,
  startsTogether: false,
  version: async () => VERSION,
  install: (folder) => copyJars([`org.apache.cassandra:cassandra-all:${VERSION}`], join(folder, 'lib')),
  async plan(place) {
    const { command } = await javaOf(LEAST_JAVA);
    const ports = { native: await place.port('native'), storage: await place.port('storage') };
    const plans: NodePlan[] = [];
    for (let n = 1; n <= place.nodes; n++) {
      const folder = join(place.data, `node-${n}`);
      for (const name of ['conf', 'logs', 'tmp']) await mkdir(join(folder, name), { recursive: true });
      await writeFile(join(folder, 'conf/cassandra.yaml'), configuration(folder, `127.0.0.${n}`, ports, place));
      await writeFile(join(folder, 'conf/logback.xml'), LOGBACK);
      plans.push({
        name: `node-${n}`,
        host: `127.0.0.${n}`,
        port: ports.native,
        command,
        args: await flags(place, folder, await place.port(`jmx-${n}`)),
        ready: { kind: 'log', text: 'Starting listening for CQL clients' },
      });
    }
    return plans;
  },
  hint: 'data centre datacenter1; the nodes of a cluster may know each other a few seconds after they answer',
};

async function flags({ home, nodes }: Place, folder: string, jmxPort: number): Promise<string[]> {
  const agent = (await readdir(join(home, 'lib'))).find((name) => /^jamm-.*\.jar$/.test(name));
  if (agent === undefined) throw new Error(`${home} has no jamm: remove the folder, so that it is installed again.`);
  const properties = {
    'jdk.attach.allowAttachSelf': 'true',
    'io.netty.tryReflectionSetAccessible': 'true',
    'java.net.preferIPv4Stack': 'true',
    'java.io.tmpdir': join(folder, 'tmp'),
    'jna.tmpdir': join(folder, 'tmp'),
    'cassandra.config': `file://${join(folder, 'conf/cassandra.yaml')}`,
    'cassandra.storagedir': folder,
    'cassandra.logdir': join(folder, 'logs'),
    'logback.configurationFile': join(folder, 'conf/logback.xml'),
    'cassandra.jmx.local.port': jmxPort,
    // Alone it waits for nobody; in a cluster it hears of the others first.
    'cassandra.ring_delay_ms': nodes === 1 ? 1_000 : 3_000,
    'cassandra.skip_wait_for_gossip_to_settle': 0,
    'cassandra.superuser_setup_delay_ms': 0,
    'cassandra.consistent.rangemovement': 'false',
    'cassandra-foreground': 'yes',
  };
  return [
    ...[`-Xms${HEAP}`, `-Xmx${HEAP}`, '-XX:MaxDirectMemorySize=256m', '-XX:+UseG1GC', '-Xss256k'],
    ...EXPORTS.flatMap((name) => ['--add-exports', `${name}=ALL-UNNAMED`]),
    ...OPENS.flatMap((name) => ['--add-opens', `${name}=ALL-UNNAMED`]),
    ...['jdk.management/com.sun.management.internal', 'jdk.compiler/com.sun.tools.javac'].flatMap((name) => [
      '--add-opens',
      `${name}=ALL-UNNAMED`,
    ]),
    ...Object.entries(properties).map(([name, value]) => `-D${name}=${value}`),
    `-javaagent:${join(home, 'lib', agent)}`,
    ...['-cp', `${join(folder, 'conf')}:${join(home, 'lib/*')}`, 'org.apache.cassandra.service.CassandraDaemon'],
  ];
}

function configuration(
  folder: string,
  address: string,
  ports: { readonly native: number; readonly storage: number },
  { settings }: Place,
): string {
  const options = {
    cluster_name: 't',
    num_tokens: 4,
    // All nodes are new and empty: none has data to fetch from the others.
    auto_bootstrap: false,
    partitioner: 'org.apache.cassandra.dht.Murmur3Partitioner',
    listen_address: address,
    rpc_address: address,
    native_transport_port: ports.native,
    storage_port: ports.storage,
    start_native_transport: true,
    endpoint_snitch: 'SimpleSnitch',
    seed_provider:
      '[{class_name: org.apache.cassandra.locator.SimpleSeedProvider, parameters: [{seeds: "127.0.0.1"}]}]',
    data_file_directories: `[${join(folder, 'data')}]`,
    commitlog_directory: join(folder, 'commitlog'),
    saved_caches_directory: join(folder, 'saved_caches'),
    hints_directory: join(folder, 'hints'),
    cdc_raw_directory: join(folder, 'cdc_raw'),
    // Synced before it is acknowledged: what is called persisted is.
    commitlog_sync: 'batch',
    commitlog_segment_size: '8MiB',
    memtable_heap_space: '64MiB',
    memtable_offheap_space: '64MiB',
    memtable_allocation_type: 'heap_buffers',
    file_cache_size: '32MiB',
    key_cache_size: '4MiB',
    counter_cache_size: '1MiB',
    concurrent_reads: 8,
    concurrent_writes: 8,
    concurrent_compactors: 1,
    auto_snapshot: false,
    authenticator: 'AllowAllAuthenticator',
    authorizer: 'AllowAllAuthorizer',
    read_request_timeout: '10000ms',
    write_request_timeout: '10000ms',
    request_timeout: '20000ms',
    storage_compatibility_mode: 'NONE',
    ...settings,
  };
  return Object.entries(options)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join('');
}

const LOGBACK = `<configuration scan="false">
  <appender name="STDOUT" class="ch.qos.logback.core.ConsoleAppender"><encoder><pattern>%-5level [%thread] %date{ISO8601} %F:%L - %msg%n</pattern></encoder></appender>
  <root level="INFO"><appender-ref ref="STDOUT"/></root>
</configuration>
`;
