/** What the estimate in docs/scaling.md takes for granted: each is said on the page. Prices are list prices in US dollars, a month. */
export const ASSUMED = {
  /** The busiest seconds of a day beside the average: collectors and brokers are there for these. */
  peak: 3,
  /** What processors, stores and search nodes can do beside the average: by so much they catch up. */
  catchUp: 1.5,
  /** Of the CPU, of a process's one thread of JavaScript and of a disk: the rest is for failures, merges, questions and growth. */
  cpuShare: 0.5,
  diskShare: 0.7,
  queueDays: 7,
  searchDays: 30,
  kafkaCopies: 3,
  searchCopies: 2,
  cores: 8,
  /** 8 vCPU with 32 GiB, for roles and brokers; with 64 GiB, for search nodes. */
  machinePrice: 280,
  searchMachinePrice: 370,
  diskPricePerGb: 0.08,
  brokerDiskTb: 16,
  searchDiskTb: 8,
  /** Between zones, both directions together. */
  networkPricePerGb: 0.02,
  /** The most that is advised for shards of logs: docs/scaling.md names the source. */
  shardGb: 50,
} as const;

/** Documents of one shard, at the most: `IndexWriter.MAX_DOCS` of Lucene. */
export const LUCENE_MAX_DOCS = 2_147_483_519;
