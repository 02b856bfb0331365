/** By whom a batch was appended, as brokers have it: they refuse what comes with an epoch before the newest one. */
export interface Producer {
  readonly id: bigint;
  readonly epoch: number;
}
