/** Options of the search engine that do not go together. */
import { POLICY_LIMITS } from '../lib/limits.ts';
import type { Problem } from './problem.ts';
import type { Config } from './schema.ts';

type Written = ReadonlyMap<string, { readonly where: string }>;

export function searchProblems(config: Config, written: Written): readonly Problem[] {
  return [...engineProblems(config, written), ...tierProblems(config, written)];
}

function whereOf(written: Written, option: string): string {
  return written.get(option)?.where ?? 'default';
}

function engineProblems({ search }: Config, written: Written): readonly Problem[] {
  const where = whereOf(written, 'search.engine');
  if (search.engine === 'embedded') {
    const { nodes, username, password } = search;
    if (nodes.length === 0 && username === undefined && password === undefined) return [];
    const what =
      'search.nodes, username and password are for a cluster: set search.engine to opensearch, or remove them.';
    return [{ where, what }];
  }
  if (search.nodes.length > 0) return [];
  const what = 'search.engine opensearch needs search.nodes, such as [https://search-1:9200].';
  return [{ where, what }];
}

const HOUR_MS = 3_600_000;

function tierProblems({ search, tenants }: Config, written: Written): readonly Problem[] {
  const { tiers, engine } = search;
  const problems: Problem[] = [];
  const [first] = tiers;
  const complain = (option: string, what: string) => void problems.push({ where: whereOf(written, option), what });
  if (first === undefined) {
    complain('search.tiers', 'search.tiers is empty, but needs a tier for everyone, such as { name: shared }.');
    return problems;
  }
  if (first.own || (first.events ?? 0) > 0 || (first.volumeBytes ?? 0) > 0) {
    const what = `search.tiers: the first tier (${first.name}) is for everyone: it has neither own slices nor a volume that must be reached.`;
    complain('search.tiers.0.name', what);
  }
  for (const [i, tier] of tiers.entries()) {
    const option = `search.tiers.${i}`;
    const { name, sliceMs, storage } = tier;
    const hours = sliceMs / HOUR_MS;
    if (!Number.isInteger(hours) || hours < 1 || hours > POLICY_LIMITS.sliceHours) {
      complain(`${option}.slice`, `${option}.slice must be whole hours, from 1h to 7d.`);
    }
    if (tiers.findIndex((other) => other.name === name) !== i) {
      complain(`${option}.name`, `${option}.name is ${name}, as of another tier.`);
    }
    for (const what of ['events', 'volumeBytes'] as const) {
      const before = Math.max(0, ...tiers.slice(0, i).map((other) => other[what] ?? 0));
      if ((tier[what] ?? before) >= before) continue;
      const option = `search.tiers.${i}.${what === 'events' ? 'events' : 'volume'}`;
      complain(option, `${option} is less than that of a tier before: write tiers from the smallest to the largest.`);
    }
    const asks =
      storage.shards !== undefined || storage.replicas !== undefined || Object.keys(storage.nodes).length > 0;
    if (asks && engine === 'embedded') {
      const what = `${option}.storage: the embedded engine keeps all slices in its data folder. Remove it, or set search.engine to opensearch.`;
      complain(`${option}.name`, what);
    }
  }
  const own = new Set(tiers.filter((tier) => tier.own).map(({ name }) => name));
  const owners = Object.values(tenants).filter(({ tier }) => tier !== undefined && own.has(tier)).length;
  if (owners > POLICY_LIMITS.ownTenants) {
    const most = POLICY_LIMITS.ownTenants;
    complain(
      'search.tiers',
      `${owners} tenants are put into tiers with slices of their own, but at most ${most} can be.`,
    );
  }
  for (const [tenant, { tier }] of Object.entries(tenants)) {
    if (tier === undefined || tiers.some(({ name }) => name === tier)) continue;
    const names = tiers.map(({ name }) => name).join(', ');
    complain(`tenants.${tenant}.tier`, `tenants.${tenant}.tier is ${tier}, which is no tier. Tiers: ${names}.`);
  }
  return problems;
}
