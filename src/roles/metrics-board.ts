/** The metrics of all roles, as they last stated them, and the supervisor's own: what /metrics shows. */
import { setTimeout as delay } from 'node:timers/promises';
import { AggregatorRegistry, Gauge, type MetricObjectWithValues, type MetricValue, Registry } from 'prom-client';
import { SUPERVISOR_LIMITS } from '../lib/limits.ts';
import { LEDGER_COLUMNS, type Ledger, type LedgerKnown } from '../monitor/ledger/ledger.ts';
import type { GroupState } from '../queue/port.ts';
import type { RoleName } from './messages.ts';
import type { RoleReport } from './role-process.ts';

type RoleMetrics = MetricObjectWithValues<MetricValue<string>>[];

export interface MetricsSources {
  reports(): readonly RoleReport[];
  groups(): Promise<readonly GroupState[]>;
  readonly ledger: Ledger;
}

export class MetricsBoard {
  readonly #sources: MetricsSources;
  readonly #stated = new Map<RoleName, RoleMetrics>();
  readonly #registry = new Registry();
  readonly #roleUp = this.#gauge('spillway_role_up', '1 while the role is ready.', ['role']);
  readonly #roleRestarts = this.#gauge('spillway_role_restarts', 'Times that the role was started again.', ['role']);
  readonly #ledger = this.#gauge('spillway_ledger_records', 'Records by how they ended, and those in flight.', [
    'outcome',
  ]);
  readonly #uncounted = this.#gauge(
    'spillway_ledger_uncounted_offsets',
    'Offsets that the account of all process trees does not have, by what they would count.',
    ['count', 'why'],
  );
  readonly #unread = this.#gauge(
    'spillway_ledger_unread_logs',
    'Logs of which the account of all process trees does not know how much there is.',
    [],
  );
  readonly #asOf = this.#gauge(
    'spillway_ledger_as_of_seconds',
    'When the account of all process trees was looked at last (Unix time).',
    [],
  );
  readonly #lag = this.#gauge('spillway_group_lag_records', 'Records that the group has not committed.', [
    'group',
    'topic',
    'partition',
  ]);
  readonly #members = this.#gauge('spillway_group_members', 'Living members of a consumer group.', ['group']);
  readonly #lagMs = this.#gauge('spillway_group_lag_ms', 'Age of the first record not committed.', [
    'group',
    'topic',
    'partition',
  ]);

  readonly #answers = this.#gauge('spillway_queue_answers', '1 while the queue says where its groups are.', []);

  constructor(sources: MetricsSources) {
    this.#sources = sources;
    this.#registry.setDefaultLabels({});
  }

  /** What prom-client's getMetricsAsJSON() gave in the role. */
  state(role: RoleName, metrics: readonly object[]): void {
    this.#stated.set(role, metrics as RoleMetrics);
  }

  /** Prometheus text format 0.0.4. */
  async text(): Promise<string> {
    await this.#refresh();
    const own = (await this.#registry.getMetricsAsJSON()) as RoleMetrics;
    return AggregatorRegistry.aggregate([own, ...this.#stated.values()]).metrics();
  }

  async #refresh(): Promise<void> {
    for (const { role, state, restarts } of this.#sources.reports()) {
      this.#roleUp.set({ role }, state === 'ready' ? 1 : 0);
      this.#roleRestarts.set({ role }, restarts);
    }
    this.#refreshLedger(this.#sources.ledger);
    const groups = await this.#groups();
    this.#answers.set(groups === undefined ? 0 : 1);
    for (const gauge of [this.#members, this.#lag, this.#lagMs]) gauge.reset();
    for (const { group, members, partitions } of groups ?? []) {
      this.#members.set({ group }, members);
      for (const { topic, partition, lag, lagMs } of partitions) {
        this.#lag.set({ group, topic, partition }, lag);
        this.#lagMs.set({ group, topic, partition }, lagMs);
      }
    }
  }

  #refreshLedger(ledger: Ledger): void {
    this.#ledger.reset();
    this.#refreshKnown(ledger.known);
    // What was not read yet is not nothing.
    if (ledger.known?.asOfMs === 0) return;
    const { total } = ledger.answer({ fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, by: [] });
    for (const column of LEDGER_COLUMNS) this.#ledger.set({ outcome: column }, total[column]);
    this.#ledger.set({ outcome: 'inFlight' }, total.inFlight);
  }

  #refreshKnown(known: LedgerKnown | undefined): void {
    this.#uncounted.reset();
    this.#unread.remove();
    this.#asOf.remove();
    if (known === undefined) return;
    this.#asOf.set(known.asOfMs / 1_000);
    this.#unread.set(known.missing.filter(({ why }) => why === 'unread').length);
    for (const missing of known.missing) {
      if (missing.why === 'unread') continue;
      this.#uncounted.inc({ count: missing.log.replace(/\/.*/, ''), why: missing.why }, missing.offsets);
    }
  }

  /** A queue that is away must not take the other figures with it. */
  async #groups(): Promise<readonly GroupState[] | undefined> {
    const groups = this.#sources.groups().catch(() => undefined);
    return Promise.race([groups, delay(SUPERVISOR_LIMITS.groupsMs, undefined, { ref: false })]);
  }

  #gauge<T extends string>(name: string, help: string, labelNames: readonly T[]): Gauge<T> {
    return new Gauge({ name, help, labelNames, registers: [this.#registry] });
  }
}
