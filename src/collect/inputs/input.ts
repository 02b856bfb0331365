/** What every input that listens is to the collector. */
export interface Listening {
  readonly what: string;
  readonly address: string;
  readonly port: number;
}

export interface ListeningInput {
  /** Resolves when it listens; rejects with LISTEN_FAILED. */
  listen(): Promise<Listening>;
  /** Takes nothing new, finishes what was received, within COLLECT_LIMITS.drainMs. */
  close(): Promise<void>;
}
