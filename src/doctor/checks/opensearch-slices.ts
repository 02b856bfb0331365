/**
 * What makes a slice refuse good events, which then wait: nodes that its tier wants and that are not there, a pipeline, an
 * alias that another index has as well, a shard that is full by its documents.
 */
import { DOCTOR_LIMITS } from '../../lib/limits.ts';
import { at, textAt } from '../../search/opensearch/json.ts';
import { allSlices, writeAlias } from '../../search/opensearch/mapping.ts';
import { SHARD_DOCUMENTS } from '../../search/opensearch/refusals.ts';
import { type Check, onOpenSearch } from '../check.ts';
import { type Finding, warning, well, wrong } from '../finding.ts';
import type { OpenSearchProbe } from '../opensearch-probe.ts';
import { indexNames, isShared, ourIndices, patternOf, SHARED_STOPS } from '../our-indices.ts';

export const openSearchSlices: Check = {
  about: 'search slices',
  applies: onOpenSearch,
  async examine({ config, openSearch }) {
    const probe = await openSearch();
    const { tiers, index } = config.search;
    const findings = [
      ...(await tiersWithoutNodes(probe, tiers)),
      ...(await aliasesOfOthers(probe, index.prefix)),
      ...(await pipelines(probe, index.prefix)),
      ...(await fullShards(probe, index.prefix)),
    ];
    return findings.length > 0 ? findings : [well('nothing keeps slices from taking events')];
  },
};

interface TierOfNodes {
  readonly name: string;
  readonly storage: { readonly nodes?: Readonly<Record<string, string>> };
}

/** Slices of a tier are made for nodes that have all its attributes; where none has, they take nothing. */
async function tiersWithoutNodes(probe: OpenSearchProbe, tiers: readonly TierOfNodes[]): Promise<readonly Finding[]> {
  const wanting = tiers.filter(({ storage }) => Object.keys(storage.nodes ?? {}).length > 0);
  if (wanting.length === 0) return [];
  const { status, body } = await probe.get('_nodes/_all/none?filter_path=nodes.*.attributes,nodes.*.roles');
  if (status !== 200) return [];
  const nodes = Object.values(Object(at(body, 'nodes')));
  return wanting.flatMap(({ name, storage: { nodes: wants = {} } }) => {
    const isThere = nodes.some((node) => Object.entries(wants).every(([key, value]) => fits(node, key, value)));
    if (isThere) return [];
    const written = Object.entries(wants).map(([key, value]) => `${key}: ${value}`);
    const found = `no node has the attributes that the tier ${name} wants (${written.join(', ')}): its new slices take nothing, and their events wait`;
    return [
      wrong(found, `Start a node with node.attr.${Object.keys(wants)[0]}, or take storage.nodes out of the tier.`),
    ];
  });
}

/** A value may be several, and patterns, as the cluster takes them. Names that begin with `_` are no attributes. */
function fits(node: unknown, name: string, wanted: string): boolean {
  if (name.startsWith('_')) return true;
  const has = textAt(node, 'attributes', name);
  if (has === undefined) return false;
  return wanted.split(',').some((value) => {
    const parts = value
      .trim()
      .split('*')
      .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
    return new RegExp(`^${parts.join('.*')}$`).test(has);
  });
}

async function aliasesOfOthers(probe: OpenSearchProbe, prefix: string): Promise<readonly Finding[]> {
  const { status, body } = await probe.get(`_alias/${writeAlias(allSlices(prefix))}`);
  if (status !== 200) return [];
  const others = Object.entries(Object(body)).flatMap(([index, has]) => {
    const aliases = Object.keys(Object(at(has, 'aliases'))).filter((alias) => alias !== writeAlias(index));
    return aliases.length > 0 ? [index] : [];
  });
  if (others.length === 0) return [];
  const mend =
    'POST /_aliases {"actions": [{"remove": {"index": "INDEX", "alias": "*-write"}}]}; restore snapshots with include_aliases: false.';
  return [warning(`these indices have the alias by which a slice is written: ${indexNames(others)}`, mend)];
}

async function pipelines(probe: OpenSearchProbe, prefix: string): Promise<readonly Finding[]> {
  const path = `${ourIndices(prefix)}/_settings/index.final_pipeline?flat_settings=true&ignore_unavailable=true`;
  const { status, body } = await probe.get(path);
  if (status !== 200) return [];
  const names = Object.entries(Object(body)).flatMap(([index, settings]) => {
    const pipeline = textAt(settings, 'settings', 'index.final_pipeline') ?? '_none';
    return pipeline === '_none' ? [] : [index];
  });
  if (names.length === 0) return [];
  const stops = isShared(names, prefix) ? `; ${SHARED_STOPS}` : '';
  const found = `these indices have a final_pipeline, which changes what is written or refuses it: ${indexNames(names)}${stops}`;
  const request = `PUT /${patternOf(names, prefix)}/_settings {"index.final_pipeline": null}`;
  return [wrong(found, `${request}, and look at index templates.`)];
}

async function fullShards(probe: OpenSearchProbe, prefix: string): Promise<readonly Finding[]> {
  const { status, body } = await probe.get(`_cat/shards/${allSlices(prefix)}?format=json&h=index,shard,prirep,docs`);
  if (status !== 200 || !Array.isArray(body)) return [];
  return judgeDocuments(
    body.map((row) => ({ index: textAt(row, 'index') ?? '', documents: Number(at(row, 'docs') ?? 0) })),
  );
}

/** Of each shard: one that is full takes nothing more, for ever. */
export function judgeDocuments(
  shards: readonly { readonly index: string; readonly documents: number }[],
): readonly Finding[] {
  const near = shards.filter(({ documents }) => documents >= (SHARD_DOCUMENTS * DOCTOR_LIMITS.nearPercent) / 100);
  if (near.length === 0) return [];
  const names = indexNames([...new Set(near.map(({ index }) => index))]);
  const mend = 'Give the tenant a tier with shorter slices or more shards (docs/engines/opensearch.md#full-slices).';
  if (near.some(({ documents }) => documents >= SHARD_DOCUMENTS)) {
    return [wrong(`a shard is full (${SHARD_DOCUMENTS} documents) and the events of its slice wait: ${names}`, mend)];
  }
  return [warning(`a shard is nearly full (it takes ${SHARD_DOCUMENTS} documents): ${names}`, mend)];
}
