/**
 * OpenSearch: no registry has its distribution, so its home is laid out from jars. The newest version that the installed
 * Java can run: 3 from Java 21 on, else 2. It refuses to run as root: then it runs as nobody.
 */
import { chmod, chown, copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Engine, NodePlan, Place } from './engine.ts';
import { enginesFolder, homeOf, isThere } from './folders.ts';
import { findJava, furtherFlags, javaOf } from './java.ts';
import { copyJars } from './maven.ts';
import { type Release, SECURED, THREE, TWO } from './opensearch-release.ts';
import { installSecurity, SECURITY_HINT, SECURITY_READY, secure } from './opensearch-security.ts';
import { run } from './run.ts';

const NOBODY = 65_534;
const HEAP = '512m';

export const opensearch: Engine = engineOf([THREE, TWO]);

/** By https, with a login (opensearch-security.ts); from Java 21 on. */
export const securedOpensearch: Engine = engineOf([SECURED]);

function engineOf(releases: readonly [Release, ...Release[]]): Engine {
  const isSecured = releases[0].security !== undefined;
  return {
    programs: { java: 'openjdk-17-jre-headless', setpriv: 'util-linux', ...(isSecured && { openssl: 'openssl' }) },
    installers: { mvn: 'maven' },
    maxNodes: 1,
    startsTogether: true,
    version: async () => (await fitting(releases)).version,
    install: async (folder) => install(await fitting(releases), folder),
    plan: async (place) => plan(await fitting(releases), place),
    ...(isSecured && { hint: SECURITY_HINT }),
  };
}

async function install(release: Release, folder: string): Promise<void> {
  const { version, log4j, modules, hasAgent, moduleJava, security } = release;
  // The server wants to create bin, and may not.
  for (const name of ['bin', 'plugins', 'agent', 'config']) await mkdir(join(folder, name), { recursive: true });
  const lib = join(folder, 'lib');
  const plugins = `org.opensearch:opensearch-plugin-classloader:${version}`;
  await copyJars(
    [`org.opensearch:opensearch:${version}`, plugins, `org.apache.logging.log4j:log4j-core:${log4j}`],
    lib,
  );
  if (hasAgent) await copyJars([`org.opensearch:opensearch-agent:${version}`], join(folder, 'agent'));
  for (const [name, module] of Object.entries(modules)) {
    const home = join(folder, 'modules', name);
    await layOut(`org.opensearch.plugin:${module.artifact}:${version}`, home, lib);
    await writeFile(
      join(home, 'plugin-descriptor.properties'),
      descriptor(name, version, moduleJava, module.className),
    );
    const grants = module.policy.map((permission) => `  permission ${permission};\n`).join('');
    await writeFile(join(home, 'plugin-security.policy'), `grant {\n${grants}};\n`);
  }
  if (security !== undefined) await installSecurity(security, version, join(folder, 'plugins/opensearch-security'));
  // Made by mkdtemp for its owner alone.
  await chmod(folder, 0o755);
}

async function plan(release: Release, place: Place): Promise<readonly NodePlan[]> {
  const { leastJava, hasAgent, version, flags, security } = release;
  const java = await javaOf(leastJava);
  const port = await place.port('node-1');
  for (const name of ['config', 'data', 'logs', 'tmp']) await mkdir(join(place.data, name), { recursive: true });
  const secured = security === undefined ? {} : await secure(join(place.data, 'config'), place.home);
  await writeFile(
    join(place.data, 'config/opensearch.yml'),
    configuration({ ...place, settings: { ...secured, ...place.settings } }, port, await place.port('transport')),
  );
  await writeFile(join(place.data, 'config/log4j2.properties'), LOG);
  const agent = hasAgent ? [`-javaagent:${join(place.home, 'agent', `opensearch-agent-${version}.jar`)}`] : [];
  const all = [...agent, ...flags, ...serverFlags(place)];
  const ready =
    security === undefined
      ? ({ kind: 'http', url: `http://127.0.0.1:${port}/_cluster/health?wait_for_status=yellow&timeout=1s` } as const)
      : SECURITY_READY;
  const node = {
    name: 'node-1',
    host: '127.0.0.1',
    port,
    env: { OPENSEARCH_PATH_CONF: join(place.data, 'config') },
    ready,
  };
  if (process.getuid?.() !== 0) return [{ ...node, command: java.command, args: all }];
  await giveToNobody(place);
  const as = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
  return [{ ...node, command: 'setpriv', args: [...as, java.command, ...all] }];
}

/** Whether its home is laid out already, so that it needs nothing but Java. */
export const opensearchIsInstalled = async (): Promise<boolean> => isThere(await homeOf('opensearch', opensearch));

/** The first that the installed Java can run, else the last: that says which Java it needs. */
async function fitting(releases: readonly [Release, ...Release[]]): Promise<Release> {
  for (const release of releases) if ((await findJava(release.leastJava)) !== undefined) return release;
  return releases.at(-1) ?? releases[0];
}

/** The module's jars but for those that the server has: a class in two of them is refused. */
async function layOut(artifact: string, home: string, lib: string): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'spillway-module-'));
  try {
    await copyJars([artifact], scratch);
    await mkdir(home, { recursive: true });
    for (const jar of await readdir(scratch)) {
      if (/-(osx|windows|linux-aarch)/.test(jar) || (await isThere(join(lib, jar)))) continue;
      await copyFile(join(scratch, jar), join(home, jar));
    }
  } finally {
    await rm(scratch, { recursive: true });
  }
}

async function giveToNobody({ home, data }: Place): Promise<void> {
  const everything = await readdir(data, { recursive: true });
  for (const path of [data, ...everything.map((name) => join(data, name))]) await chown(path, NOBODY, NOBODY);
  const as = ['--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups'];
  for (const folder of [home, data]) {
    await run('setpriv', [...as, 'ls', folder]).catch((cause: unknown) => {
      const by =
        folder === home || folder.startsWith(`${enginesFolder()}/`) ? 'set SPILLWAY_ENGINES to' : 'name by --data';
      const hint = `OpenSearch does not run as root: ${by} a folder that everybody can enter`;
      throw new Error(`The user nobody cannot read ${folder} (below ${dirname(folder)}). ${hint}.`, { cause });
    });
  }
}

function serverFlags({ home, data, heap = HEAP }: Place): string[] {
  const properties = {
    'java.io.tmpdir': join(data, 'tmp'),
    'jna.tmpdir': join(data, 'tmp'),
    'jna.nosys': 'true',
    'io.netty.noUnsafe': 'true',
    'io.netty.noKeySetOptimization': 'true',
    'io.netty.recycler.maxCapacityPerThread': 0,
    'io.netty.allocator.numDirectArenas': 0,
    'log4j.shutdownHookEnabled': 'false',
    'log4j2.disable.jmx': 'true',
    'opensearch.path.home': home,
    'opensearch.path.conf': join(data, 'config'),
    'opensearch.distribution.type': 'tar',
    'opensearch.bundled_jdk': 'false',
  };
  return [
    ...[`-Xms${heap}`, `-Xmx${heap}`, '-XX:+UseG1GC', '-XX:MaxDirectMemorySize=256m', '-Xss1m'],
    ...furtherFlags(),
    '--add-modules=jdk.incubator.vector',
    ...Object.entries(properties).map(([name, value]) => `-D${name}=${value}`),
    ...['-cp', join(home, 'lib/*'), 'org.opensearch.bootstrap.OpenSearch'],
  ];
}

function configuration({ data, settings }: Place, port: number, transportPort: number): string {
  const options = {
    'cluster.name': 't',
    'node.name': 'node-1',
    'discovery.type': 'single-node',
    'network.host': '127.0.0.1',
    'http.port': port,
    'transport.port': transportPort,
    'path.data': join(data, 'data'),
    'path.logs': join(data, 'logs'),
    // A test machine with little room left is none of its business.
    'cluster.routing.allocation.disk.threshold_enabled': false,
    'node.processors': 2,
    ...settings,
  };
  return Object.entries(options)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join('');
}

const descriptor = (name: string, version: string, java: number, className: string): string => `name=${name}
description=${name}
version=${version}
opensearch.version=${version}
java.version=${java}
classname=${className}
has.native.controller=false
extended.plugins=
`;

const LOG = `status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%-25c{1.}] [%node_name]%marker %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
`;
