import { failed } from './ask.ts';
import type { Client } from './client.ts';
import { makesNoIndex } from './cluster-state.ts';
import { problemOf } from './errors.ts';

export interface IndexToMake {
  readonly index: string;
  /** What a person calls it. */
  readonly what: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** How long the engine waits for its shards before it answers. */
  readonly waitMs?: number;
}

/** Whether it is new; false where it is there already. Throws what `failed` makes of any other answer. */
export async function makeIndex(client: Client, { index, what, body, waitMs }: IndexToMake): Promise<boolean> {
  const path = waitMs === undefined ? index : `${index}?timeout=${waitMs}ms`;
  const created = await client.call({ method: 'PUT', path, body });
  if (created.status === 200) return true;
  if (problemOf(created).type === 'resource_already_exists_exception') return false;
  // That a cluster makes no index it also says of one that is there, which takes what it gets.
  if (makesNoIndex(created) && (await client.call({ method: 'HEAD', path: index })).status === 200) return false;
  throw failed(`${what} ${index} cannot be made`, created);
}
