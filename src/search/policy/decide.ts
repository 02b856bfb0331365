/**
 * What should be decided now: which tenants earn another tier by their volume, and what the configuration says
 * differently than before. A tier is earned at its volume and kept down to half of it, and what was decided stays for a
 * day at the least, so a volume near a limit does not go to and fro.
 */
import { POLICY_LIMITS } from '../../lib/limits.ts';
import { HOUR_MS, ownGroup, type RetentionPolicy, retentionDays, SHARED_GROUP, tierGroup } from '../slices.ts';
import { type Decision, type Rule, type SlicePolicy, sameClass } from './slice-policy.ts';
import type { Volume } from './volumes.ts';

export interface Tier {
  readonly name: string;
  /** What a tenant must send in a day to be in it; with both, one of them is enough. Without any: only by its name. */
  readonly fromEvents?: number;
  readonly fromBytes?: number;
  /** Length of its slices. */
  readonly hours: number;
  /** Whether each of its tenants has slices of its own. */
  readonly own: boolean;
}

/** What the configuration says. */
export interface PolicyWish {
  /** Smallest volume first. The first one is for everyone and shared. */
  readonly tiers: readonly Tier[];
  readonly retention: RetentionPolicy;
  /** Tiers by tenant that volume does not change. */
  readonly pinned: Readonly<Record<string, string>>;
}

/** So that nobody has to configure anything: 230 events a second earn slices of one's own, 2,300 those of six hours. */
export const DEFAULT_TIERS: readonly Tier[] = [
  { name: 'shared', fromEvents: 0, hours: 24, own: false },
  { name: 'own', fromEvents: 20_000_000, hours: 24, own: true },
  { name: 'large', fromEvents: 200_000_000, hours: 6, own: true },
];

export const DEFAULT_WISH: PolicyWish = { tiers: DEFAULT_TIERS, retention: { days: 30 }, pinned: {} };

const EVERYONE = '';
const NOTHING: Volume = { events: 0, bytes: 0 };

const BY_CONFIGURATION = 'the configuration';

/** What is new; all of one version. */
export function decide(
  policy: SlicePolicy,
  wish: PolicyWish,
  volumes: ReadonlyMap<string, Volume>,
  nowMs: number,
): readonly Decision[] {
  const { tiers, retention } = wish;
  const base = tiers[0];
  if (base === undefined) return [];
  const everyone = ruleOf(base, EVERYONE, retention, base);
  const decisions: Decision[] = [];
  const note = (tenant: string, rule: Rule | null, why: string, isPinned = false) => {
    const before = policy.latest(tenant);
    if (before === undefined ? rule === null : sameRule(before.rule, rule)) return;
    const fromMs = policy.version === 0 ? 0 : boundary(policy, tenant, rule ?? everyone, nowMs);
    const pinned = isPinned ? ({ pinned: true } as const) : {};
    decisions.push({ version: policy.version + 1, tenant, fromMs, rule, decidedMs: nowMs, why, ...pinned });
  };
  note(EVERYONE, everyone, policy.version === 0 ? 'the beginning' : BY_CONFIGURATION);
  for (const [tenant, { tier, why, isPinned = false }] of choose(policy, wish, base, volumes, nowMs)) {
    const rule = ruleOf(tier, tenant, retention, base);
    note(tenant, sameRule(rule, everyone) ? null : rule, why, isPinned);
  }
  return decisions;
}

/**
 * What is new by volume alone. What the configuration says is decided when a store starts: stores that were started with
 * different ones do not overrule each other for ever.
 */
export function decideByVolume(
  policy: SlicePolicy,
  wish: PolicyWish,
  volumes: ReadonlyMap<string, Volume>,
  nowMs: number,
): readonly Decision[] {
  if (policy.version === 0) return decide(policy, wish, volumes, nowMs);
  const knows = (tier: string | undefined) => tier === undefined || wish.tiers.some(({ name }) => name === tier);
  return decide(policy, wish, volumes, nowMs).filter(({ tenant, why }) => {
    const before = policy.latest(tenant);
    return why !== BY_CONFIGURATION && before?.pinned !== true && knows(before?.rule?.tier);
  });
}

interface Choice {
  readonly tier: Tier;
  readonly why: string;
  readonly isPinned?: boolean;
}

function choose(
  policy: SlicePolicy,
  { tiers, retention, pinned }: PolicyWish,
  base: Tier,
  volumes: ReadonlyMap<string, Volume>,
  nowMs: number,
): Map<string, Choice> {
  const choices = new Map<string, Choice>();
  const byName = new Map(tiers.map((tier) => [tier.name, tier]));
  for (const [tenant, name] of Object.entries(pinned)) {
    choices.set(tenant, { tier: byName.get(name) ?? base, why: BY_CONFIGURATION, isPinned: true });
  }
  const lowest = tiers.filter((tier) => tier !== base);
  const others = new Set([...policy.tenants(), ...Object.keys(retention.tenants ?? {})]);
  for (const [tenant, volume] of volumes) if (lowest.some((tier) => earns(tier, volume, 1))) others.add(tenant);
  const size = (tenant: string) => volumes.get(tenant)?.events ?? 0;
  // Those that have slices of their own first, then the larger before the smaller: there is a limit for them.
  const has = (tenant: string) => (policy.latest(tenant)?.rule?.group === ownGroup(tenant) ? 1 : 0);
  const ordered = [...others].sort((a, b) => has(b) - has(a) || size(b) - size(a) || (a < b ? -1 : 1));
  let owners = [...choices.values()].filter(({ tier }) => tier.own).length;
  for (const tenant of ordered) {
    if (choices.has(tenant)) continue;
    const now = byName.get(policy.latest(tenant)?.rule?.tier ?? base.name) ?? base;
    const volume = volumes.get(tenant) ?? NOTHING;
    let tier = byVolume(tiers, base, now, volume, nowMs - (policy.latest(tenant)?.decidedMs ?? 0));
    if (tier.own && owners >= POLICY_LIMITS.ownTenants) tier = base;
    if (tier.own) owners++;
    const why = tier === now ? BY_CONFIGURATION : `${Math.round(volume.events)} events a day`;
    choices.set(tenant, { tier, why });
  }
  return choices;
}

/** The tier of a tenant that is in `now` since `sinceMs`. */
function byVolume(tiers: readonly Tier[], base: Tier, now: Tier, volume: Volume, sinceMs: number): Tier {
  const last = (share: number) => tiers.findLast((tier) => tier === base || earns(tier, volume, share)) ?? base;
  const rank = (tier: Tier) => tiers.indexOf(tier);
  const earned = last(1);
  if (rank(earned) > rank(now)) return earned;
  const kept = last(POLICY_LIMITS.keepShare);
  return rank(kept) < rank(now) && sinceMs >= POLICY_LIMITS.stayMs ? kept : now;
}

function earns({ fromEvents, fromBytes }: Tier, { events, bytes }: Volume, share: number): boolean {
  return (
    (fromEvents !== undefined && events >= fromEvents * share) ||
    (fromBytes !== undefined && bytes >= fromBytes * share)
  );
}

function ruleOf(tier: Tier, tenant: string, retention: RetentionPolicy, base: Tier): Rule {
  const shared = tier === base ? SHARED_GROUP : tierGroup(tier.name);
  const group = tier.own ? ownGroup(tenant) : shared;
  return { tier: tier.name, retentionDays: retentionDays(retention, tenant), hours: tier.hours, group };
}

function sameRule(a: Rule | null, b: Rule | null): boolean {
  return a === null || b === null ? a === b : a.tier === b.tier && sameClass(a, b);
}

/** The next beginning of a slice of the shorter of both that is far enough ahead. */
function boundary(policy: SlicePolicy, tenant: string, rule: Rule, nowMs: number): number {
  const soonest = nowMs + POLICY_LIMITS.leadMs;
  const length = Math.min(policy.ruleAt(tenant, soonest).rule.hours, rule.hours) * HOUR_MS;
  return Math.ceil(soonest / length) * length;
}
