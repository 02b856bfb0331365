/** Options of the search engine that do not go together. */
import { POLICY_LIMITS } from '../lib/limits.ts';
import type { Problem } from './problem.ts';
import type { Config } from './schema.ts';
import type { Written } from './together.ts';

export function searchProblems(config: Config, written: Written): readonly Problem[] {
  return [...certificateProblems(config, written), ...tierProblems(config, written)];
}

function whereOf(written: Written, option: string): string {
  return written.get(option)?.where ?? 'default';
}

/** Nobody shows a certificate over http: who names authorities thinks that the connection is encrypted. */
function certificateProblems({ search }: Config, written: Written): readonly Problem[] {
  if (search.tls.ca === undefined || search.nodes.some((node) => node.startsWith('https:'))) return [];
  const what =
    'search.tls.ca is set, but no node of search.nodes is of https:. Write https: there, or remove search.tls.ca.';
  return [{ where: whereOf(written, 'search.tls.ca'), what }];
}

const HOUR_MS = 3_600_000;

function tierProblems({ search, tenants }: Config, written: Written): readonly Problem[] {
  const { tiers } = search;
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
    const { name, sliceMs } = tier;
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
