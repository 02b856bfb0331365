/** A check: one thing that must hold for Spillway to work, looked at without changing anything. */
import type { Config } from '../config/schema.ts';
import type { RoleName } from '../roles/messages.ts';
import type { Finding } from './finding.ts';
import type { KafkaProbe } from './kafka-probe.ts';
import type { OpenSearchProbe } from './opensearch-probe.ts';

/** What is looked at, and by what. */
export interface Installation {
  readonly config: Config;
  /** What runs, or would run, on this machine: all roles where it is undefined. */
  readonly role: RoleName | undefined;
  /** For what a running Spillway tells administrators only. */
  readonly token: string | undefined;
  /** The process that has the data folder, where one has. */
  readonly holder: { readonly pid: number | undefined } | undefined;
  /** Opened when the first check asks. Throws NotAsked where no broker answers. */
  readonly kafka: () => Promise<KafkaProbe>;
  readonly openSearch: () => Promise<OpenSearchProbe>;
}

export interface Check {
  /** What it is about, in a word or two, as the table shows it. */
  readonly about: string;
  applies(installation: Installation): boolean;
  /** At least one finding. Throws NotAsked, or anything else: then that is what is wrong. */
  examine(installation: Installation): Promise<readonly Finding[]>;
}

export const always = (): boolean => true;

export const onKafka = ({ config }: Installation): boolean => config.queue.engine === 'kafka';

/** Only the store speaks to the search engine. */
export const runsStore = ({ role }: Installation): boolean => role === undefined || role === 'store';

export const onOpenSearch = (installation: Installation): boolean =>
  runsStore(installation) && installation.config.search.engine === 'opensearch';
