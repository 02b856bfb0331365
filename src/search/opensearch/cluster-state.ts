/** States of the whole cluster in which it changes nothing, whatever is asked: a refusal then says nothing of what it is about. */
import type { Answer } from './client.ts';
import { type EngineProblem, problemOf } from './errors.ts';

const RESET = (name: string) =>
  `PUT /_cluster/settings {"persistent": {"${name}": null}} (or "transient", where it is set there)`;

/** By what the engine says. `master` is the older word for the cluster manager. */
const STATES: readonly (readonly [said: RegExp, state: string])[] = [
  [
    /(?:cluster_manager|master)_not_discovered|SERVICE_UNAVAILABLE\/2\/no (?:cluster.manager|master)/i,
    'The cluster has no cluster manager: more than half of the nodes that may be it have to run and reach each other',
  ],
  [
    /FORBIDDEN\/6\/cluster read-only/,
    `The cluster is read-only: ${RESET('cluster.blocks.read_only')} lets it take writes again`,
  ],
  [
    /FORBIDDEN\/13\/cluster read-only/,
    `The cluster is read-only: ${RESET('cluster.blocks.read_only_allow_delete')} lets it take writes again`,
  ],
  [
    /FORBIDDEN\/10\/cluster create-index blocked/,
    `The cluster makes no index: it has set cluster.blocks.create_index because its disks are nearly full, and takes it back when there is room, or somebody has, and ${RESET('cluster.blocks.create_index')} takes it back`,
  ],
];

/** What is so and what mends it; undefined where the refusal is about what was asked. */
export function clusterState({ type, reason }: EngineProblem): string | undefined {
  const said = `${type}: ${reason}`;
  return STATES.find(([pattern]) => pattern.test(said))?.[1];
}

export function hasNoManager(answer: Answer): boolean {
  const { type, reason } = problemOf(answer);
  const [[pattern] = [/^$/]] = STATES;
  return answer.status === 503 && pattern.test(`${type}: ${reason}`);
}

/** It makes no new index; those that there are take what they get. */
export function makesNoIndex(answer: Answer): boolean {
  return problemOf(answer).type === 'index_create_block_exception' || /FORBIDDEN\/10\//.test(problemOf(answer).reason);
}
