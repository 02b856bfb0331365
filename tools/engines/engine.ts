/** What the engines for tests have in common: how each kind says what it needs, how it is installed and what to start. */
export const ENGINE_KINDS = ['kafka', 'opensearch', 'cassandra', 's3', 'redis', 'opensearch-security'] as const;
export type EngineKind = (typeof ENGINE_KINDS)[number];

/** How to see that a node answers. */
export type Ready =
  | { readonly kind: 'log'; readonly text: string }
  | { readonly kind: 'http'; readonly url: string }
  | { readonly kind: 'tcp' };

/** One process. */
export interface NodePlan {
  /** A word; its log is `<name>.log`. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly ready: Ready;
}

/** Where the nodes of one engine live. */
export interface Place {
  /** What they run from, as install() left it. */
  readonly home: string;
  /** Their configuration and data. */
  readonly data: string;
  readonly nodes: number;
  /** Lines for the engine's own configuration file, past its defaults here. */
  readonly settings: Readonly<Record<string, string>>;
  /** Of a virtual machine, for engines that have one and can be told (OpenSearch). */
  readonly heap?: string;
  /** A free port of the loopback address: the same one for the same name each time. */
  port(name: string): Promise<number>;
}

export interface Engine {
  /** Programs that it runs by, by name, with the Debian package that has each. */
  readonly programs: Readonly<Record<string, string>>;
  /** The same for those that install it. */
  readonly installers: Readonly<Record<string, string>>;
  readonly maxNodes: number;
  /** Cassandra's nodes join one after another; Kafka's need each other to become ready. */
  readonly startsTogether: boolean;
  /** Which build is installed: part of a folder's name, so that another one never gets mixed into it. */
  version(): Promise<string>;
  /** Puts what it runs from into the (empty) folder. */
  install(folder: string): Promise<void>;
  /** Writes the configuration and says what to start. */
  plan(place: Place): Promise<readonly NodePlan[]>;
  /** What a client has to know besides the addresses. */
  readonly hint?: string;
}
