/**
 * What the user wrote, from all layers, as one tree whose every node knows where it was written. Layers are the file,
 * then the environment, then the command line: a later one wins, option by option.
 */
export type WrittenTree =
  | { readonly kind: 'leaf'; readonly value: string | number | boolean | null; readonly where: string }
  | { readonly kind: 'list'; readonly items: readonly WrittenTree[]; readonly where: string }
  | { readonly kind: 'map'; readonly members: ReadonlyMap<string, WrittenMember>; readonly where: string };

export interface WrittenMember {
  readonly node: WrittenTree;
  /** Where the name stands. */
  readonly where: string;
}

/** A plain JavaScript value as a tree; everything in it was written at the same place. */
export function treeOf(value: unknown, where: string): WrittenTree {
  if (Array.isArray(value)) return { kind: 'list', items: value.map((item) => treeOf(item, where)), where };
  if (typeof value === 'object' && value !== null) {
    const members = new Map<string, WrittenMember>();
    for (const [name, member] of Object.entries(value)) {
      if (member !== undefined) members.set(name, { node: treeOf(member, where), where });
    }
    return { kind: 'map', members, where };
  }
  const leaf = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
  return { kind: 'leaf', value: leaf, where };
}

/** The upper layer over the lower one: maps are merged, everything else is replaced. */
export function merge(lower: WrittenTree, upper: WrittenTree): WrittenTree {
  if (lower.kind !== 'map' || upper.kind !== 'map') return upper;
  const members = new Map(lower.members);
  for (const [name, member] of upper.members) {
    const below = members.get(name);
    members.set(name, below === undefined ? member : { where: member.where, node: merge(below.node, member.node) });
  }
  return { kind: 'map', members, where: upper.members.size > 0 ? upper.where : lower.where };
}

export function emptyTree(where: string): WrittenTree {
  return { kind: 'map', members: new Map(), where };
}
