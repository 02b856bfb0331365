/**
 * Who has which slices since when. A policy is a list of decisions that only grows: each holds for slice times from a
 * moment on that lay in the future when it was made (POLICY_LIMITS.leadMs at the least), so an event is placed by its
 * slice time alone, the same way whenever and by whichever store it is placed. The later of two decisions wins.
 */
import { POLICY_LIMITS } from '../../lib/limits.ts';
import {
  DAY_MS,
  ownerOf,
  type RetentionPolicy,
  retentionDays,
  SHARED_GROUP,
  type SliceClass,
  type SliceKey,
  sliceSpan,
} from '../slices.ts';

/** What a decision says about events: the tier, and the slices that they go to. */
export interface Rule extends SliceClass {
  readonly tier: string;
}

export interface Decision {
  /** Decisions of one moment have the same number, later ones a larger. */
  readonly version: number;
  /** `` (empty): all tenants that no decision of their own holds for. */
  readonly tenant: string;
  /** Slice times from this one on, epoch ms. */
  readonly fromMs: number;
  /** null: the same as all others. */
  readonly rule: Rule | null;
  readonly decidedMs: number;
  /** For people. */
  readonly why: string;
  /** The configuration names the tenant's tier. */
  readonly pinned?: true;
}

/** A rule and the slice times for which it holds: from, inclusive, to, exclusive. */
export interface RuleInEffect {
  readonly rule: Rule;
  readonly fromMs: number;
  readonly toMs: number;
}

const EVERYONE = '';
const NONE: readonly Decision[] = [];

/** What holds where nothing was decided. */
const ORIGINAL: Rule = { tier: 'shared', retentionDays: 30, hours: 24, group: SHARED_GROUP };

/** It does not change: `with` makes another. */
export class SlicePolicy {
  static readonly EMPTY = new SlicePolicy([]);

  readonly version: number;
  readonly decisions: readonly Decision[];
  /** Newest first. */
  readonly #byTenant: ReadonlyMap<string, readonly Decision[]>;

  constructor(decisions: readonly Decision[]) {
    this.decisions = decisions;
    this.version = decisions.reduce((version, decision) => Math.max(version, decision.version), 0);
    const newest = decisions.toSorted((a, b) => b.version - a.version);
    this.#byTenant = Map.groupBy(newest, ({ tenant }) => tenant);
  }

  /** Tenants that something was decided for. */
  tenants(): string[] {
    return [...this.#byTenant.keys()].filter((tenant) => tenant !== EVERYONE);
  }

  /** With decisions that are newer; those that no slice can depend on any more are left out. */
  with(added: readonly Decision[]): SlicePolicy {
    const nowMs = Math.max(0, ...added.map(({ decidedMs }) => decidedMs));
    const kept = this.decisions.filter(({ tenant, fromMs, version }) => {
      const followers = added.concat(this.#byTenant.get(tenant) ?? NONE).filter((other) => other.tenant === tenant);
      const endMs = Math.min(...followers.filter((other) => other.version > version).map((other) => other.fromMs));
      return Math.max(endMs, fromMs) > nowMs - this.#memoryMs();
    });
    return new SlicePolicy([...kept, ...added]);
  }

  /** The policy as it was: what an insert was begun with. */
  at(version: number): SlicePolicy {
    if (version >= this.version) return this;
    return new SlicePolicy(this.decisions.filter((decision) => decision.version <= version));
  }

  /** What was decided last about the tenant (all others: ''), whether it is in effect yet or not. */
  latest(tenant: string): Decision | undefined {
    return this.#byTenant.get(tenant)?.[0];
  }

  /** What holds for events of the tenant with this slice time. */
  ruleAt(tenant: string, timeMs: number): RuleInEffect {
    const own = inEffect(this.#byTenant.get(tenant) ?? NONE, timeMs);
    const { rule, fromMs, toMs } = own.rule === null ? inEffect(this.#byTenant.get(EVERYONE) ?? NONE, timeMs) : own;
    return { rule: rule ?? ORIGINAL, fromMs: Math.max(own.fromMs, fromMs), toMs: Math.min(own.toMs, toMs) };
  }

  /**
   * Whether the slice may hold events of the tenant. True as well where it could if clocks of collectors had been wrong
   * by up to POLICY_LIMITS.slackMs.
   */
  mayHold(slice: SliceKey, tenant: string): boolean {
    const owner = ownerOf(slice);
    if (owner !== undefined) return owner === tenant;
    const { fromMs, toMs } = sliceSpan(slice);
    const endMs = toMs + POLICY_LIMITS.slackMs;
    for (let at = Math.max(0, fromMs - POLICY_LIMITS.slackMs); at < endMs; ) {
      const { rule, toMs: next } = this.ruleAt(tenant, at);
      if (sameClass(rule, slice)) return true;
      at = next;
    }
    return false;
  }

  /** Slices are looked for until they expire. */
  #memoryMs(): number {
    const days = Math.max(0, ...this.decisions.map(({ rule }) => rule?.retentionDays ?? 0));
    return (days + POLICY_LIMITS.memoryDays) * DAY_MS;
  }
}

function inEffect(newest: readonly Decision[], timeMs: number): Pick<Decision, 'rule' | 'fromMs'> & { toMs: number } {
  let toMs = Number.POSITIVE_INFINITY;
  for (const { rule, fromMs } of newest) {
    if (fromMs <= timeMs) return { rule, fromMs, toMs };
    toMs = Math.min(toMs, fromMs);
  }
  return { rule: null, fromMs: 0, toMs };
}

export function sameClass(a: SliceClass, b: SliceClass): boolean {
  return a.retentionDays === b.retentionDays && a.hours === b.hours && a.group === b.group;
}

/** A policy that gives all tenants slices of a day that they share. */
export function sharedPolicy(retention: RetentionPolicy): SlicePolicy {
  const decision = (tenant: string): Decision => ({
    version: 1,
    tenant,
    fromMs: 0,
    rule: { ...ORIGINAL, retentionDays: retentionDays(retention, tenant) },
    decidedMs: 0,
    why: 'from the beginning',
  });
  return new SlicePolicy([EVERYONE, ...Object.keys(retention.tenants ?? {})].map(decision));
}
