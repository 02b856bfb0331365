/** Why partitions are kept on this machine's disk, in few sentences however many there are. */

export interface SpoolTrouble {
  /** Such as `raw/0`. */
  readonly place: string;
  /** Epoch ms. */
  readonly sinceMs: number;
  /** The same of all that are kept for the same reason. */
  readonly kind: string;
  /** A sentence. */
  readonly why: string;
}

/** One sentence a kind. `partitions`: how many there are in all. */
export function describeTroubles(troubles: readonly SpoolTrouble[], partitions: number): string[] {
  return [...Map.groupBy(troubles, ({ kind }) => kind).values()].map((alike) => {
    const [first] = alike;
    const who =
      alike.length === 1
        ? `${first?.place} has`
        : `${alike.length} of ${partitions} partitions (${first?.place} ...) have`;
    const since = new Date(Math.min(...alike.map(({ sinceMs }) => sinceMs))).toISOString();
    return `${who} been kept on this machine's disk since ${since}. ${first?.why}`;
  });
}
