/**
 * The supervisor: starts the roles as child processes, restarts those that die, coordinates the embedded queue (epochs,
 * groups, marks; Kafka needs none of it), keeps the ledger and the metrics of all, and stops everything. It handles no record itself, so that
 * it stays up whatever a record or a query does to a role.
 */
import { randomBytes } from 'node:crypto';
import type { Config } from '../config/schema.ts';
import { nodeDisk } from '../lib/disk.ts';
import { isDiskFull } from '../lib/disk-files.ts';
import { messageOf, SpillwayError } from '../lib/errors.ts';
import { SUPERVISOR_LIMITS } from '../lib/limits.ts';
import { createLog, type Logger } from '../lib/log.ts';
import { makeFolder } from '../lib/make-folder.ts';
import { Ledger } from '../monitor/ledger/ledger.ts';
import { createTopology } from '../process/topology.ts';
import type { GroupState } from '../queue/port.ts';
import { CoordinatorServer } from './coordinator-server.ts';
import { lockDataFolder } from './data-lock.ts';
import { armFailpoint } from './failpoint.ts';
import type { FromRole, Listening, RoleName, SlicesWaiting } from './messages.ts';
import { MetricsBoard } from './metrics-board.ts';
import type { QueueCoordinator } from './queue-coordinator.ts';
import { type RoleFailure, RoleProcess, type RoleReport } from './role-process.ts';

/** In this order they are started; the collector first, so that senders wait for nothing else. */
const ALL_ROLES: readonly RoleName[] = ['collector', 'processor', 'store'];

export interface SupervisorOptions {
  readonly roles?: readonly RoleName[];
  /** SUPERVISOR_LIMITS.restartDelayMaxMs where it is left out; crash tests do not want to wait. */
  readonly restartDelayMaxMs?: number;
  /** Called once, when every role is ready, or waits for a queue that is away (`waitsFor`) while the collector accepts. */
  readonly onReady?: (listening: readonly Listening[], waitsFor: readonly string[]) => void;
}

export class Supervisor {
  readonly #log: Logger;
  readonly #roles = new Map<RoleName, RoleProcess>();
  readonly #listening = new Map<RoleName, readonly Listening[]>();
  readonly #ledger = new Ledger();
  readonly #metrics: MetricsBoard;
  readonly #coordinator: QueueCoordinator;
  readonly #options: SupervisorOptions;
  /** Since when (epoch ms) roles have ended, are not ready for the first time yet (of the store), or stand still. */
  readonly #downMs = new Map<RoleName, number>();
  readonly #silentMs = new Map<RoleName, number>();
  /** Since when the store says that it cannot index. */
  #storeHeldUpMs: number | null = null;
  /** Its first start has not ended, and nothing has failed or is waited for. */
  #isStoreStarting = true;
  #slicesWaiting: SlicesWaiting | null = null;
  readonly #ended = Promise.withResolvers<void>();
  #announced = false;
  #stopping: Promise<void> | undefined;
  #failure: SpillwayError | undefined;

  private constructor(config: Config, coordinator: QueueCoordinator, log: Logger, options: SupervisorOptions) {
    this.#log = log;
    this.#options = options;
    this.#coordinator = coordinator;
    this.#metrics = new MetricsBoard({
      reports: () => this.reports,
      groups: () => coordinator.groups(),
      ledger: this.#ledger,
    });
    const delayMaxMs = options.restartDelayMaxMs ?? SUPERVISOR_LIMITS.restartDelayMaxMs;
    const internalSecret = randomBytes(32).toString('base64url');
    for (const role of options.roles ?? ALL_ROLES) {
      const alone = options.roles?.length === 1;
      const startMessage = () =>
        ({
          kind: 'start',
          role,
          config,
          topics: coordinator.layouts(),
          catalogue: coordinator.catalogue(),
          internalSecret,
          alone,
        }) as const;
      const events = {
        onMessage: (name: RoleName, message: FromRole) => this.#receive(name, message),
        onReady: (name: RoleName, listening: readonly Listening[]) => this.#ready(name, listening),
        onWaiting: (name: RoleName) => this.#waits(name),
        onSilent: (name: RoleName, sinceMs: number | null) => this.#silent(name, sinceMs),
        onExit: (name: RoleName) => this.#roleEnded(name),
        onUnable: (name: RoleName, failure: RoleFailure) => this.#roleUnable(name, failure),
      };
      this.#roles.set(role, new RoleProcess({ role, startMessage, events, log, delayMaxMs }));
    }
    coordinator.listen({
      onLayouts: (layouts) => {
        for (const role of this.#roles.values()) role.send({ kind: 'topics', layouts });
      },
      onCatalogue: (catalogue) => {
        for (const role of this.#roles.values()) role.send({ kind: 'catalogue', catalogue });
      },
      onNews: (role, group, member) => this.#roles.get(role)?.send({ kind: 'news', group, member }),
    });
  }

  /** Takes the data folder and starts the roles. Throws DATA_FOLDER_IN_USE, CONFIG_INVALID. */
  static async start(config: Config, options: SupervisorOptions = {}): Promise<Supervisor> {
    createTopology(config.topology);
    const log = createLog('supervisor', config.log.level);
    const coordinator = await openCoordinator(config, options.roles ?? ALL_ROLES, log);
    const supervisor = new Supervisor(config, coordinator, log, options);
    if (supervisor.#roles.has('store')) supervisor.#downMs.set('store', Date.now());
    for (const role of supervisor.#roles.values()) role.start();
    return supervisor;
  }

  get reports(): readonly RoleReport[] {
    return [...this.#roles.values()].map((role) => role.report);
  }

  /** How far the readers of the queue are. */
  groups(): Promise<readonly GroupState[]> {
    return this.#coordinator.groups();
  }

  /** Resolves when everything has ended after stop(); rejects with what a role could not start for. */
  ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Drains and ends every role, the collector first: what it accepted is durable before the others go. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #stopAll(): Promise<void> {
    const clean = await Promise.all([...this.#roles.values()].map((role) => role.stop()));
    await this.#coordinator.close();
    if (clean.includes(false))
      this.#log.warn('a role did not drain in time and was killed; nothing acknowledged is lost');
    if (this.#failure === undefined) this.#ended.resolve();
    else this.#ended.reject(this.#failure);
  }

  #receive(from: RoleName, message: FromRole): void {
    switch (message.kind) {
      case 'marks':
        this.#coordinator.setMarks(message.marks);
        for (const [role, process] of this.#roles)
          if (role !== from) process.send({ kind: 'marks', marks: message.marks });
        return;
      case 'ledger':
        this.#ledger.state(from, message.rows, message.reset, message.known);
        return;
      case 'metrics':
        this.#metrics.state(from, message.metrics);
        return;
      case 'held-up':
        if (from !== 'store') return;
        this.#storeHeldUpMs = message.sinceMs;
        this.#slicesWaiting = message.waiting;
        this.#sayWhatIsBehind();
        return;
      case 'request':
        void this.#answer(from, message);
    }
  }

  async #answer(from: RoleName, { id, request }: Extract<FromRole, { kind: 'request' }>): Promise<void> {
    const role = this.#roles.get(from);
    try {
      const answer = await this.#handle(from, request);
      role?.send({ kind: 'answer', id, answer });
    } catch (error) {
      const code = error instanceof SpillwayError ? error.code : 'INTERNAL';
      role?.send({ kind: 'refusal', id, code, message: error instanceof Error ? error.message : String(error) });
    }
  }

  #handle(from: RoleName, request: Extract<FromRole, { kind: 'request' }>['request']): unknown {
    switch (request.do) {
      case 'ledger':
        return this.#ledger.answer(request.question);
      case 'metrics':
        return this.#metrics.text();
      case 'roles':
        return this.reports;
      default:
        return this.#coordinator.handle(from, request);
    }
  }

  #ready(name: RoleName, listening: readonly Listening[]): void {
    this.#listening.set(name, listening);
    const process = this.#roles.get(name);
    // A role that comes (back) learns at once what the others have already said.
    process?.send({ kind: 'marks', marks: this.#coordinator.marks() });
    process?.send({ kind: 'topics', layouts: this.#coordinator.layouts() });
    process?.send({ kind: 'catalogue', catalogue: this.#coordinator.catalogue() });
    this.#downMs.delete(name);
    if (name === 'store') this.#isStoreStarting = false;
    this.#sayWhereTheStoreIs();
    this.#sayWhatIsBehind();
    this.#announce();
  }

  #waits(name: RoleName): void {
    if (name === 'store') {
      this.#isStoreStarting = false;
      this.#sayWhatIsBehind();
    }
    this.#announce();
  }

  #announce(): void {
    const waitsFor = [...new Set(this.reports.flatMap((report) => report.waitsFor ?? []))];
    const isStarted = [...this.#roles].every(([role, { report }]) => {
      return this.#listening.has(role) || report.waitsFor !== null;
    });
    if (this.#announced || !isStarted || this.#listening.size === 0) return;
    this.#announced = true;
    const listening = [...this.#roles.keys()].flatMap((role) => this.#listening.get(role) ?? []);
    this.#options.onReady?.(listening, waitsFor);
  }

  #sayWhereTheStoreIs(): void {
    const port = this.#listening.get('store')?.find((listening) => listening.what === 'store')?.port;
    this.#roles.get('collector')?.send({ kind: 'store', port });
  }

  #sayWhatIsBehind(): void {
    const since = (role: RoleName) => [this.#downMs.get(role), this.#silentMs.get(role)];
    const processorMs = earliest(since('processor'));
    const storeMs = earliest([...since('store'), this.#storeHeldUpMs]);
    const isStoreStarting = this.#isStoreStarting && this.#storeHeldUpMs === null;
    const waiting = this.#slicesWaiting;
    this.#roles.get('collector')?.send({ kind: 'behind', processorMs, storeMs, isStoreStarting, waiting });
  }

  #silent(name: RoleName, sinceMs: number | null): void {
    if (sinceMs === null) this.#silentMs.delete(name);
    else this.#silentMs.set(name, sinceMs);
    this.#sayWhatIsBehind();
  }

  #roleEnded(name: RoleName): void {
    this.#coordinator.roleEnded(name);
    this.#silentMs.delete(name);
    if (!this.#downMs.has(name)) this.#downMs.set(name, Date.now());
    if (name === 'store') {
      this.#listening.delete('store');
      this.#isStoreStarting = false;
      // The next one says it anew.
      this.#storeHeldUpMs = null;
      this.#slicesWaiting = null;
      this.#sayWhereTheStoreIs();
    }
    this.#sayWhatIsBehind();
  }

  #roleUnable(name: RoleName, { code, message }: RoleFailure): void {
    this.#failure ??= new SpillwayError(code, `The ${name} cannot start. ${message}`);
    void this.stop();
  }
}

function earliest(times: readonly (number | null | undefined)[]): number | null {
  const known = times.filter((ms) => ms != null);
  return known.length === 0 ? null : Math.min(...known);
}

/** The data folder is this process's when it resolves. */
async function openCoordinator(config: Config, roles: readonly RoleName[], log: Logger): Promise<QueueCoordinator> {
  try {
    makeFolder(config.data);
    lockDataFolder(config.data, 'supervisor');
    armFailpoint('supervisor', nodeDisk, process.env.SPILLWAY_TEST_FAILPOINT);
    if (config.queue.engine === 'embedded') return await CoordinatorServer.open(config, log);
    return await (await import('./kafka-coordinator.ts')).KafkaCoordinator.open(config, roles, log);
  } catch (cause) {
    if (!isDiskFull(cause)) throw cause;
    // A folder that is there needs no space for a start; a new one does.
    throw new SpillwayError('DISK_FULL', `${config.data} cannot be begun: ${messageOf(cause)}. Free some space.`, {
      cause,
    });
  }
}
