/** Releases of OpenSearch as they can be laid out from jars: which, from what, and for which Java. */
export interface Release {
  readonly version: string;
  /** Of its logging: the interfaces that it brings are of one version with it. */
  readonly log4j: string;
  readonly leastJava: number;
  /** Without it version 3 does not start. */
  readonly hasAgent: boolean;
  /** Of the modules' descriptors. */
  readonly moduleJava: number;
  readonly modules: Readonly<Record<string, Module>>;
  readonly flags: readonly string[];
  readonly security?: Security;
}

export interface Module {
  readonly artifact: string;
  readonly className: string;
  readonly policy: readonly string[];
}

/** Its security plugin: a zip with its jars. */
export interface Security {
  readonly artifact: string;
  /** What it takes from plugins that it extends. */
  readonly further: readonly string[];
  readonly className: string;
}

const SOCKETS = [
  'java.lang.RuntimePermission "accessDeclaredMembers"',
  'java.lang.RuntimePermission "getClassLoader"',
  'java.net.SocketPermission "*", "accept,connect,resolve"',
  'java.net.SocketPermission "localhost:*", "listen,resolve"',
];
const SCRIPTS = [
  'java.lang.RuntimePermission "createClassLoader"',
  'java.lang.RuntimePermission "getClassLoader"',
  'org.opensearch.secure_sm.ThreadContextPermission "*"',
];

export const THREE: Release = {
  version: '3.8.0',
  log4j: '2.25.4',
  leastJava: 21,
  hasAgent: true,
  moduleJava: 21,
  modules: {
    'transport-netty4': {
      artifact: 'transport-netty4-client',
      className: 'org.opensearch.transport.Netty4ModulePlugin',
      policy: SOCKETS,
    },
    'lang-painless': {
      artifact: 'lang-painless',
      className: 'org.opensearch.painless.PainlessModulePlugin',
      policy: SCRIPTS,
    },
    reindex: {
      artifact: 'reindex-client',
      className: 'org.opensearch.index.reindex.ReindexModulePlugin',
      policy: ['java.net.SocketPermission "*", "connect"'],
    },
  },
  flags: ['--enable-native-access=ALL-UNNAMED'],
};

export const TWO: Release = {
  version: '2.19.6',
  log4j: '2.25.4',
  leastJava: 17,
  hasAgent: false,
  moduleJava: 11,
  modules: {
    'transport-netty4': {
      artifact: 'transport-netty4-client',
      className: 'org.opensearch.transport.Netty4Plugin',
      policy: SOCKETS,
    },
    'lang-painless': {
      artifact: 'lang-painless',
      className: 'org.opensearch.painless.PainlessPlugin',
      policy: SCRIPTS,
    },
  },
  flags: ['-Djava.security.manager=allow'],
};

const SECURITY = {
  artifact: 'org.opensearch.plugin:opensearch-security',
  further: ['org.apache.commons:commons-collections4:4.4'],
  className: 'org.opensearch.security.OpenSearchSecurityPlugin',
};

/** The newest that Maven Central has the security plugin of, as far as it could be reached. */
export const SECURED: Release = { ...THREE, version: '3.4.0', log4j: '2.21.0', security: SECURITY };
