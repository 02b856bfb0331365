/**
 * Every limit of Spillway, in one place: nothing is unbounded. Units come last in names. Each has a test at the limit
 * and one past it. Relations between limits are asserted at the end of this file.
 */
const KiB = 1024;
const MiB = 1024 * KiB;

export const QUEUE_LIMITS = {
  /** One record batch, header included: also what one group commit writes at the most per partition. */
  batchBytes: 1 * MiB + 128 * KiB,
  /** One group: what arrived while the previous fdatasync ran. */
  groupBytes: 1 * MiB,
  /** Waiting to be written per partition; beyond it append() waits. */
  pendingBytes: 8 * MiB,
  segmentBytes: 128 * MiB,
  /** A segment is closed after this, so that retention by age finds whole segments to remove. */
  segmentMs: 6 * 3_600_000,
  /** Who looks for the last record before an offset passes over so many offsets at the most: takeovers leave gaps of one each. */
  lookBackOffsets: 65_536,
  /** What one read returns at the most (at least one batch is returned). */
  readBytes: 4 * MiB,
  /** Memory of batches that is kept to be used again, per process. */
  batchMemoryBytes: 32 * MiB,
  /** Records that lie in so many bytes are copied at once. */
  runBytes: 64 * KiB,
  /** A batch after decompression. */
  decompressedBatchBytes: 16 * MiB,
  /** Of `raw`, and of `events`. */
  partitions: 1_024,
  /** Of any topic: each partition of `raw` and of `events` has one of dead letters. */
  partitionsPerTopic: 2_051,
  /** Waiting or under way per partition; beyond it append() refuses: callers have overlooked `saturated`. */
  pendingMaxBytes: 64 * MiB,
  /** A partition that took nothing for so long notes where its durable data ends. */
  restMs: 5_000,
  /** Retry-After of an append that a full disk refused. */
  diskFullRetryS: 5,
  /** What is read at once where a segment is scanned. */
  scanWindowBytes: 4 * MiB,
  /** A reader's first read; each one that was filled makes the next one twice as large. */
  firstReadBytes: 128 * KiB,
  /** The sparse index of a segment has an entry for each so many bytes, and reads headers so many bytes at once. */
  indexEveryBytes: 256 * KiB,
  indexProbeBytes: 64 * KiB,
  /** Checksums taken in search of the next whole batch after bytes that cannot be read. */
  searchChecksumBytes: 1_024 * MiB,
} as const;

export const GROUP_LIMITS = {
  groups: 500,
  membersPerGroup: 256,
  topicsPerMember: 16,
  /** A member that says nothing for so long has left. */
  sessionTimeoutMs: 30_000,
  /** A partition that is not released for so long after it was revoked is taken away. */
  revokeTimeoutMs: 60_000,
  /** How often silence is measured; a coordinator that was itself asleep counts no more than two of these. */
  tickMs: 200,
  /** Times that partitions were added to one topic. */
  additions: 64,
} as const;

/** Topics that users create, and the groups that read them over HTTP. */
export const TOPIC_LIMITS = {
  topicsPerTenant: 100,
  topics: 500,
  partitionsPerTopic: 64,
  /** Of all such topics: each is a folder, a writer and some open files. */
  partitions: 1_024,
  /** Partitions of a topic that are taken over at the same time at the start. */
  openedAtOnce: 16,
  groupsPerTenant: 50,
  groups: 400,
  /** Positions of all groups: each commit of the embedded queue writes all of them. */
  groupPartitions: 4_096,
  /** Groups that hold back the retention of one topic. */
  requiredGroups: 8,
  /** Retention of a topic. */
  retentionLeastMs: 1_000,
  retentionMostMs: 3_650 * 86_400_000,
  /** One record: key, value and headers. */
  recordBytes: 1_000_000,
  keyBytes: 4 * KiB,
  headers: 32,
  headersBytes: 16 * KiB,
  /** One request that produces, after decompression. */
  requestRecords: 50_000,
  requestBytes: 16 * MiB,
  /** Bodies of such requests under way, together: also those whose records wait for a queue that is away. */
  bodiesBytes: 128 * MiB,
  /** Members that one collector keeps for consumers over HTTP. */
  members: 500,
  membersPerTenant: 100,
  sessionLeastMs: 1_000,
  sessionMs: 30_000,
  sessionMostMs: 5 * 60_000,
  /** How often silence of consumers is measured. */
  sweepMs: 200,
  /** A member that is told of changes asks by itself only every so many heartbeats. */
  patientHeartbeats: 25,
  /** How long a request may wait for records, and how many may. */
  waitMs: 30_000,
  waiting: 1_000,
  waitingPerTenant: 100,
  /** The `after` of a consumer: where it has come in each partition. */
  placeChars: 48 * KiB,
  /** Positions of one commit. */
  commitOffsets: 1_024,
  /** How often a topic that is not known is looked for. */
  lookAgainMs: 250,
  /** Retry-After of what the queue cannot take now. */
  retryS: 5,
} as const;

export const KAFKA_LIMITS = {
  connectMs: 5_000,
  /** One request to a broker; the connection is closed after it, and the request is made again on another. */
  requestMs: 10_000,
  /** How long a broker waits for the replicas of an append. */
  acknowledgeMs: 8_000,
  /** Appends of one partition under way at once: a broker knows the last five of a producer, and passes over repeats. */
  appendsInFlight: 5,
  /** A question that no broker answers is asked again for so long; appends and waits are for as long as they live. */
  answerMs: 15_000,
  /** Where a person waits for the answer it is looked after this which brokers do not answer, for so long. */
  questionMs: 7_000,
  lookMs: 1_500,
  /** How often a role that only reads looks which brokers answer, and after how long without an answer it says so. */
  watchMs: 2_000,
  awayAfterMs: 5_000,
  /** A topic that was there once is waited for so long at a start: a broker that has just started may not know it yet. */
  missingTopicMs: 5_000,
  retryDelayMs: 50,
  retryDelayMaxMs: 1_000,
  /** A reader's first request. One that was filled makes the next twice as large, up to QUEUE_LIMITS.readBytes ... */
  firstReadBytes: 1 * MiB,
  /** ... and one whose answer did not come whole half as large, down to this. */
  readLeastBytes: 16 * KiB,
  /** What all readers of a process ask for at once, besides one batch and what they were asked for. */
  readersBytes: 256 * MiB,
  /** No more of a request than this may be expected to be cut off and sent again; else a reader asks batch by batch. */
  cutShare: 1 / 16,
  /** How much of what is known of the sizes of batches is left with each further one. */
  sizeMemory: 0.9,
  /** How long a reader's request waits at the broker for new records. */
  pollMs: 1_000,
  /** A writer that is closed waits for what is under way for so long, and a role that ends for whatever it asked Kafka. */
  closeMs: 4_000,
  /** A reader that is closed waits for a read under way for so long. */
  closeReaderMs: 2_000,
  /** Of the one transaction that takes a partition over. */
  takeOverMs: 30_000,
  /** Who writes a partition says so again: brokers forget it after a week (`transactional.id.expiration.ms`). */
  renewMs: 6 * 3_600_000,
  /** Of a topic: a batch of ours and its offsets fit. */
  topicBatchBytes: 2 * MiB,
  createTopicsMs: 30_000,
  /** Several processes that change what the queue keeps for itself take turns: each tries for so long. */
  changeMs: 60_000,
  /** A partition that is to be given up is taken away after this. */
  revokeTimeoutMs: 60_000,
  /** How often a member of a group says that it is alive. */
  heartbeatMs: 1_000,
  /** A member that was not answered for so long may be none any more: as long as brokers miss one, by themselves. */
  sessionMs: 45_000,
  /** How often partitions that were added meanwhile are looked for, and topics that are gone. */
  layoutMs: 5_000,
} as const;

/** Partitions that are added while several processes append to the topic (queue/kafka/moves.ts). */
export const TROUBLE_LIMITS = {
  /** An outage that lasts is said in the log again after so long, and not more often where it comes and goes. */
  againMs: 60_000,
  /** Of what does not work meanwhile so much is named. */
  named: 10,
} as const;

export const MOVE_LIMITS = {
  /** How often whoever appends asks brokers whether partitions were added. */
  watchMs: 1_000,
  /** How often it looks, in the time of a move, whether the others have moved. */
  lookMs: 200,
  /** Who has not moved so long after another one has, is not waited for: brokers take nothing more of it. */
  patienceMs: 5_000,
  /** Of several that see that all have moved, each leaves the one before so much time to say it. */
  turnMs: 1_000,
  /** What waits for the end of a move for so long is kept on this machine's disk. */
  holdMs: 15_000,
  /** Those who have ended without saying so are remembered until the next addition; of so many, only the last half. */
  outMost: 16,
  /** Looking back whether what brokers refuse now had been taken before. */
  lookBackMs: 60_000,
  /** A collector that starts waits for so long until what it had kept is in the queue, before it takes anything new. */
  settleMs: 10_000,
} as const;

export const SPOOL_LIMITS = {
  /** A queue that takes nothing for so long is away: what is accepted is kept on this machine's disk. */
  spoolAfterMs: 2_000,
  lookMs: 200,
  /** A process that has not looked for so long has stood still: what it has not heard meanwhile may be on its way. */
  standstillMs: 1_000,
  /** What has gone to the queue is removed after this, segment by segment. */
  keepMs: 60_000,
  retainMs: 60_000,
} as const;

export const LATE_LIMITS = {
  /** A start looks for so long whether the queue answers, before it goes on without it where it may. */
  probeMs: 2_000,
  /** Between two attempts to find it. */
  retryMs: 1_000,
  /** What whoever needs the queue meanwhile is told to wait. */
  retryAfterS: 5,
} as const;

export const COLLECT_LIMITS = {
  /** Records that are handed to the queue at once: smaller batches are durable sooner, larger ones cost less each. */
  batchBytes: 512 * KiB,
  /** One message, of any input, without its framing. */
  messageBytes: 1_000_000,
  /** A longer message is kept as a chunked dead letter up to this; the rest of it is counted and thrown away. */
  oversizedBytes: 64 * MiB,
  /** Retry-After of a request to a collector that begins again. */
  restartRetryS: 1,
  /** Digits of an octet count (RFC 6587): 9 digits are beyond any limit here. */
  octetCountDigits: 9,
  tcpConnections: 10_000,
  tcpIdleMs: 15 * 60_000,
  /** Unfinished messages of all connections together; past it they are kept as dead letters, piece by piece. */
  unfinishedBytes: 256 * MiB,
  /** An oversized message is cut into dead-letter records of at least this (the last one may be shorter). */
  deadLetterChunkBytes: 16 * KiB,
  /** Asked of the kernel for each UDP socket; net.core.rmem_max may give less. */
  udpReceiveBufferBytes: 16 * MiB,
  /** UDP senders whose encoded headers are remembered. */
  udpSenders: 10_000,
  /** Full batches of a partition handed over and not yet durable, past which its sources pause: bounds the latency. */
  laneBatches: 2,
  /** Between two attempts to append what a full disk refused. */
  retryMs: 500,
  /** A connection without data for this long while draining is finished; all of them are after drainMs. */
  drainQuietMs: 200,
  drainMs: 3_000,
  /** A look at what other collectors have put into the dead letters: what it reads, how long somebody waits for it. */
  letterLookBytes: 16 * MiB,
  letterLookMs: 1_000,
  /** Requests of other collectors whose letters are remembered. */
  letterRequests: 10_000,
  /** One HTTP body, as received and after decompression. */
  httpBodyBytes: 64 * MiB,
  httpDecompressedBytes: 256 * MiB,
  /** Frames of zstd one after the other in one body. */
  httpCompressedParts: 1_000,
  /** Of all bodies under way: as they were sent, decompressed, and the pieces of one that is being put together. */
  httpConcurrentBodiesBytes: 640 * MiB,
  httpBodyTimeoutMs: 60_000,
  /** A request waits this long for a saturated queue, then it is answered 503. */
  httpQueueWaitMs: 10_000,
  /** A request is answered 503 after this, though its records may become durable later. */
  httpAnswerMs: 30_000,
  /** Each of team, app and host of a request. */
  httpParameterBytes: 256,
  /** Records of one request. */
  httpRecords: 4_000_000,
  /** Nesting of one JSON record. */
  jsonDepth: 1_000,
  idempotencyKeys: 100_000,
  idempotencyKeyBytes: 255,
  idempotencyTtlMs: 24 * 3_600_000,
  /** How much of the log, by its writing time, has to be read back for keys after a crash. */
  keySnapshotMs: 60_000,
  errorsPerAnswer: 100,
  /** How often the queue's disk is asked how full it is: much less is written in between than `queue.minFree`. */
  spaceEveryMs: 250,
  /** Inputs go on so many hundredths of the disk below its high-water mark, and as much above the free bytes. */
  lowWaterPercent: 1,
  /** Retry-After of a request above the high-water mark. */
  highWaterRetryS: 10,
} as const;

/** The collector's limits as numbers, so that a test may lower one. */
export type CollectLimits = { readonly [Name in keyof typeof COLLECT_LIMITS]: number };

export const EVENT_LIMITS = {
  /** Depth of nesting in payload and metadata; deeper parts are kept as their JSON text. */
  depth: 32,
  /** Members of one event, counted over all levels; the rest is kept in `original` only. */
  members: 1_000,
  keyBytes: 256,
  /** Levels of a payload that is kept as it was sent beside the normalised one; deeper ones are kept in `original`. */
  exactDepth: 1_000,
  tags: 100,
  tagBytes: 256,
  tenantBytes: 64,
} as const;

export const PROCESS_LIMITS = {
  /** Events of one batch of `events`, before compression; one event larger than this has a batch of its own. */
  batchBytes: 1 * MiB,
  /** (tenant, minute) pairs counted in one batch. */
  ledgerEntries: 500,
  /** What is read from a partition of `raw` at a time. */
  readBytes: 1 * MiB,
  /** Batches of one partition that are being made durable while the next one is made. */
  batchesInFlight: 2,
  /** How often the position is committed for retention and lag (what counts is in the progress marker). */
  commitMs: 1_000,
  /** What trickles in while a block waits is read so often. */
  readEveryMs: 10,
  retryDelayMs: 100,
  retryDelayMaxMs: 5_000,
  /** Requests with an Idempotency-Key that a partition remembers, and how far back it looks for them when it is taken. */
  repeatRequests: 50_000,
  repeatMs: 5 * 60_000,
  repeatRecords: 1_000_000,
  /** Different record headers remembered. */
  metas: 10_000,
  /** Different layouts given out in an hour; records of further shapes keep their original. */
  layouts: 1_000,
  layoutBytes: 1_024,
  /** Steps of shapes of structured data and JSON lines remembered; beyond it they are learnt anew. */
  shapes: 5_000,
  /** Members of one shape; a record with more is read without one. */
  shapeMembers: 100,
  shapeKeyChars: 85,
  /** Ways to write the times and numbers of one shape of JSON line remembered. */
  shapeLayouts: 100,
} as const;

/** Tenants that send more than there is time for, behind the others: see process/lanes/. */
export const LANE_LIMITS = {
  /** Of one partition: each has a place of its own in `raw`. */
  lanes: 8,
  /** Of what a processor has read and left to lanes, all partitions together; what is more is read again. */
  memoryBytes: 64 * MiB,
  /** What one turn of a lane takes while other tenants send as well: they wait for one turn at the most. */
  turnRecords: 1_000,
  turnBytes: 512 * KiB,
  /** Reads of the main position before a lane gets a turn although there is more to read. */
  mainTurns: 8,
  /** Records that wait behind a read before somebody is held back. */
  lagRecords: 4_096,
  /** A tenant is noisy where it sends more than so many times what the others do on the average. */
  noisyFactor: 2,
  /** ... and its records of late are more than this share of the window. */
  noisyWindowShare: 0.25,
  /** What a record counts for, beside its bytes. */
  recordCostBytes: 256,
  /** A tenant with less than that of a record left is forgotten. */
  leastShareRecords: 0.5,
  shareStepMs: 100,
  shareHalfLifeMs: 1_000,
  /** Tenants whose shares are remembered, and for how long a tenant that is silent is one of several. */
  tenants: 10_000,
  tenantMemoryMs: 10 * 60_000,
  /** Events of lanes that the store may have before it while only one tenant sends. */
  windowAlone: 262_144,
  /** Tenants are held back where the store has so many windows before it. */
  behindWindows: 2,
  /** How often the store's position is asked for, and after what time without a move it is taken for away. */
  askStoredMs: 20,
  storeStalledMs: 10_000,
  /** ... and how often where it is taken for away. */
  askStalledMs: 1_000,
  /** A marker is written so often while positions move and nothing comes out. */
  markerMs: 1_000,
} as const;

export const QUERY_LIMITS = {
  queryChars: 10_000,
  depth: 64,
  nodes: 1_000,
  regexpChars: 1_000,
  /** States of one regular expression with its counted repeats unrolled, and the largest count. */
  regexpStates: 1_000,
  /** Arrays of objects that are looked into on the way to a field. */
  arraysOnPath: 2,
  /** Columns of the embedded engine that one query may read: it plans them at about half a millisecond each. */
  columns: 1_000,
  /** One search, histogram or other question to the store. */
  timeMs: 30_000,
  memoryBytes: 512 * MiB,
  concurrentPerTenant: 4,
  concurrent: 8,
  waitingPerTenant: 16,
  page: 1_000,
  defaultPage: 100,
  /** Rows of which the events of one id are sorted; where more may hold it they are read in order, until the page is full. */
  sortedRows: 1_000_000,
  buckets: 2_000,
  values: 1_000,
  /** Values told apart in a histogram; the others are in its totals only. */
  series: 20,
  fields: 2_000,
  /** Newest events that are looked at to tell which fields there are. */
  fieldSample: 5_000,
  /** Of their messages, where words are counted. */
  sampleChars: 32 * MiB,
  contextEvents: 500,
  tailClients: 100,
  tailClientBufferBytes: 1 * MiB,
  tailEventsPerSecond: 1_000,
  /** What one look at a partition reads for the tails, and how far they may be behind before they skip to its end. */
  tailReadBytes: 1 * MiB,
  tailLagRecords: 100_000,
  tailHeartbeatMs: 10_000,
  tailClientsPerTenant: 25,
  /** Of the store's main thread. */
  tailShareOfTime: 0.25,
  /** Names in `fields` of a search. */
  projectedFields: 200,
  /** Fields in `by` of a statistic. */
  statsBy: 8,
  /** Slices, and decisions about them, of one answer. */
  slicesPerPage: 10_000,
} as const;

/** Tokens and who may ask. */
export const AUTH_LIMITS = {
  tokens: 10_000,
  tokenNameChars: 64,
  /** An Authorization header. */
  authorizationChars: 4_096,
  /** How often a request makes the folder of tokens be looked at again: a revoked token works no longer than this. */
  recheckMs: 250,
  /** The same for a token that is not known. */
  recheckUnknownMs: 20,
} as const;

/** The HTTP servers of the collector and the store. */
export const HTTP_LIMITS = {
  /** Request line and headers together: a query of QUERY_LIMITS.queryChars fits, percent-encoded, whatever its letters. */
  headerBytes: 96 * KiB,
  /** The body of a POST that asks something. */
  questionBytes: 256 * KiB,
  connections: 10_000,
  headersTimeoutMs: 20_000,
  /** A request with its body. */
  requestTimeoutMs: 75_000,
  /** A connection on which nothing moves in either direction. */
  idleMs: 75_000,
  keepAliveMs: 65_000,
  /** How long close() lets answers under way finish before it cuts them off. */
  closeGraceMs: 5_000,
  /** One answer of events: a page ends early, with `next`, where it would be larger. */
  answerBytes: 32 * MiB,
} as const;

/** `GET /api/topics/{topic}/records`. */
export const QUEUE_READ_LIMITS = {
  records: 1_000,
  defaultRecords: 100,
  /** What one answer reads of the log in all and at a time, and what keys, values and headers it holds, at the most. */
  readBytes: 16 * MiB,
  stepBytes: 1 * MiB,
  answerBytes: 8 * MiB,
} as const;

export const PROXY_LIMITS = {
  /** Queries that the collector streams to the store at the same time. */
  concurrent: 64,
  /** More than the store runs and lets wait for one tenant, so that it is the store that decides. */
  concurrentPerTenant: 32,
  /** Of a question: as much as the store takes. */
  bodyBytes: HTTP_LIMITS.questionBytes,
  /** From a question to the last byte of its answer. */
  answerTimeoutMs: 300_000,
  /** How long the body of a question may take to arrive. */
  bodyTimeoutMs: 10_000,
  timeoutMs: 60_000,
  /** For so long health says that a question found no engine: the console asks again sooner. Of so many tenants it is known. */
  unansweredMs: 30_000,
  unansweredTenants: 1_000,
} as const;

export const STORE_LIMITS = {
  /** Rows and bytes of one insert into the search engine. */
  insertRows: 131_072,
  insertBytes: 96 * MiB,
  /** Offsets of one partition that one insert spans: progress markers are no rows. */
  insertSpan: 262_144,
  /** Offsets of a partition whose letters are read back at once: an insert with a record lies so near to it on both sides. */
  letterSpan: 524_288,
  /** Paths × rows of the JSON columns of one block: events with thousands of different keys make smaller blocks. */
  blockCells: 16 * MiB,
  blockPaths: 4_096,
  /** Paths of JSON that an emptied block remembers. */
  rememberedPaths: 1_024,
  /**
   * Texts of a path with up to so many different ones, none of them longer, in so many values are stored as words; and
   * bytes of words that an emptied block remembers, all in memory. With more of them, or of paths, it begins anew each time.
   */
  pathWords: 1_000,
  pathWordBytes: 128,
  pathWordsOf: 1_000_000,
  rememberedWordBytes: 8 * MiB,
  /** Paths whose types the store remembers; with more of them questions read every type's column. */
  knownPaths: 20_000,
  /** The journal is folded into the catalogue beyond this. */
  journalBytes: 4 * MiB,
  /** At the most so often, unless a block is full: small inserts cost much more a row, and every part is merged again. */
  insertEveryMs: 200,
  /** From so many rows on a block waits for more of them. */
  busyRows: 2_000,
  busyInsertEveryMs: 500,
  /** What trickles in while a block waits is read so often. */
  readEveryMs: 10,
  retryDelayMs: 100,
  retryDelayMaxMs: 10_000,
  /** An insert under way, or a start, that takes so long is a trouble: logged, and told by /health/ready. */
  troubleAfterMs: 5_000,
  /** ... and a start in which nothing has failed: to join a group of readers alone takes seconds. */
  startTroubleAfterMs: 30_000,
  reportTroubleMs: 500,
  /** A start that has longer to finish what the last process began answers questions meanwhile. */
  startGraceMs: 10_000,
  /** A stop waits so long for the insert under way. */
  stopGraceMs: 3_000,
  retentionEveryMs: 10 * 60_000,
  /** Slices that wait until they can be written, while all others go on; with more of them all wait. */
  waitingSlices: 256,
  /** It is tried again whether such a slice takes something, after pauses that grow up to the second, or so much for each. */
  trialPauseMs: 1_000,
  trialPauseMaxMs: 10_000,
  trialPauseEachMs: 500,
  /** Offsets that are read again at once for one that does, until this is over or rows were inserted: others have turns between. */
  catchUpOffsets: 5_000,
  catchUpMs: 200,
  /** The queue has so long to say that they are there. */
  catchUpReadMs: 2_000,
  /** Of a partition that is taken over, the last offsets are looked at before anything else: more than an insert mostly spans. */
  finishOffsets: 20_000,
  /** Offsets of which progress markers are read again at once, where what waited is stored. */
  commitOffsets: 50_000,
  /** How often it is logged which slices wait. */
  sayWaitingMs: 60_000,
  /** Letters of a partition that are remembered; they are read back again beyond it. */
  lettersKnown: 100_000,
  /** A read that takes longer goes on beside those of other partitions. */
  patientReadMs: 50,
  /** What is visible of a partition is asked again after this, where it could not be read. */
  askVisibleAgainMs: 1_000,
  /** How often a store looks how far others are with the partitions that it has not. */
  lookAtOthersMs: 1_000,
  serverMemoryBytes: 900 * MiB,
  slicesPerInsert: 90,
  /** What a merge made is synced so often, and what it was made of is kept so long: see search/clickhouse/merged-parts.ts. */
  syncMergedEveryMs: 5_000,
  mergedPartsLifetimeS: 60,
  /**
   * So many parts of one file have their partition merged where nothing was inserted for so long, where it has no more
   * bytes on the disk and they are such a share of them: see search/clickhouse/tidy-parts.ts.
   */
  tidyParts: 4,
  tidyAfterS: 10,
  tidyBytes: 256 * MiB,
  tidyShare: 0.25,
  /** By so much threads that merge are nicer than others (nice(2)): a third of the share of others where all want the processor. */
  mergeNiceness: 5,
} as const;

/** Who has which slices: see search/policy/. */
export const POLICY_LIMITS = {
  /** Of a slice, at the most. */
  sliceHours: 168,
  /** A decision holds for slice times this far ahead at the least: every store has read it by then. */
  leadMs: 10 * 60_000,
  /** How often volumes are looked at, and what other stores decided is read. */
  everyMs: 60_000,
  /** A store that could not read for so long what others decided takes no more events. */
  staleMs: 5 * 60_000,
  /** How wrong the clocks of collectors may be before a question looks in too few slices of others. */
  slackMs: 24 * 60 * 60_000,
  /** Of the volume of a tier at which a tenant stays in it. */
  keepShare: 0.5,
  /** How long a tenant stays in a tier before it is given a lower one. */
  stayMs: 24 * 60 * 60_000,
  /** Tenants with slices of their own: each has a part or an index of its own in every insert. */
  ownTenants: 64,
  tiers: 16,
  /** Tenants whose volume is measured; beyond it the half with the smaller volume is forgotten. */
  measuredTenants: 100_000,
  /** Of what a store of a cluster measures, the others hear of tenants with so much in a day, and of so many. */
  sharedEvents: 1_000,
  sharedBytes: 1 * MiB,
  sharedTenants: 1_000,
  /** How long what a store measured counts after it was heard of last. */
  volumesMs: 7 * 24 * 60 * 60_000,
  shareAttempts: 5,
  /** Decisions are kept for so long after they ended, beyond the longest retention. */
  memoryDays: 60,
} as const;

/** The second search engine: an index for each slice. */
export const OPENSEARCH_LIMITS = {
  /** Typed fields of one index, over the fixed ones: each costs the cluster memory on every node. */
  typedFields: 1_000,
  /** In a slice that tenants share each brings at most so many for each one that is left: alone it has a third. */
  fieldsShare: 0.5,
  typedNameChars: 256,
  /** Of each type, remembered by the program: so many names are not made again for each event. */
  fieldsKept: 20_000,
  /** Longer names of fields are hashed. */
  keyChars: 512,
  /** Of a longer keyword or word the beginning is indexed: no query is longer, so only patterns can tell. */
  termChars: 10_000,
  /** The longest regular expression as the engine writes them. */
  regexpChars: 100_000,
  regexpStates: 100_000,
  /** Rows and bytes of one insert, and the bytes of one request of it, as they are sent: a few times the events' own. */
  insertRows: 10_000,
  insertBytes: 32 * MiB,
  requestBytes: 4 * MiB,
  /** A cluster that refuses requests for their size or number gets smaller ones, down to this. */
  requestLeastBytes: 64 * KiB,
  requestsAtOnce: 2,
  /** Of one insert before the indexer looks what of it is visible. */
  attempts: 6,
  retryDelayMs: 200,
  retryDelayMaxMs: 5_000,
  /** How often an index is refreshed at the most: what is inserted can be found this much later. */
  refreshEveryMs: 1_000,
  /** But after each insert of at least so many rows. */
  refreshRows: 5_000,
  /** One bulk request, and others that write. */
  writeMs: 120_000,
  /** Of one insert before rows wait whose slice takes nothing for a reason of its own. */
  sliceAttempts: 3,
  /** A write waits so long for a shard that no node has, and what came with it for that: once, its slice waits alone then. */
  shardWaitMs: 2_000,
  /** ... and where it is tried whether that is there again. */
  trialWaitMs: 100,
  /** The same trouble of the same slices is said so often, and of so many of them. */
  sayEveryMs: 60_000,
  namesSaid: 5,
  /** Of what the engine says about a row. */
  troubleChars: 2_000,
  /** A question waits so long for a slice whose parts have not been started yet. */
  shardStartMs: 5_000,
  /** An index that is noted and not measured yet is waited for so long; then it is measured another time. */
  measureWaitMs: 1_000,
  /** Where a question was not answered in its time: so long is waited for an answer that costs the cluster nothing. */
  probeMs: 2_000,
  /** An answer of the engine. */
  answerBytes: 256 * MiB,
  /** A node that failed is asked again after this. */
  nodePauseMs: 5_000,
  connections: 32,
  /** Groups that a statistic reads before the largest are taken, and of one request of them. */
  groups: 100_000,
  groupsAtOnce: 5_000,
  /** Offsets of one request that asks what is visible. */
  offsetsAtOnce: 10_000,
  /** What other stores noted about slices is read again before a question, after this. */
  catalogueMs: 1_000,
  /** Indices that the cluster does not list: so many are asked for at a time, ten minutes apart. */
  goneAtOnce: 200,
  /** Indices whose typed fields are remembered, and the most of a question that asks for none that they lack. */
  mappingsKept: 500,
  /** Names of indices in the path of a request; an engine takes 4 KiB in all. */
  pathChars: 3_000,
  /** Values that each shard reports beyond those that are asked for. */
  shardValues: 5_000,
} as const;

export const LEDGER_LIMITS = {
  /** How long a role that has just begun waits to hear where a log ends that it counts. */
  markWaitMs: 20_000,
  /** How often the accounts are written down; after a crash the rest is counted again from the log. */
  checkpointMs: 1_000,
  journalBytes: 16 * MiB,
  /** Cells of one account in memory; beyond it new tenants are counted as `…others`. */
  rows: 500_000,
  answerLines: 10_000,
  rowsPerMessage: 5_000,
  /** Minutes kept one by one; older ones are added up by hour. */
  minutes: 24 * 60,
  hours: 45 * 24,
  /** Tenants told apart in one minute; the rest is counted as `…others`. */
  tenants: 10_000,
  /** Of one report to the other process trees; what has more is several. */
  reportRows: 2_000,
  /** Ranges of offsets that one report may be about. */
  reportRanges: 2_000,
  /** Reports of one log that wait for the queue; what is beyond is counted from the log itself, later. */
  waitingReports: 200,
  /** Ranges of a log that do not touch, of what was counted: what would be one more is counted later. */
  ranges: 20_000,
  /** Ranges that a role remembers to have reported, so that it reports nothing twice; up to twice as many. */
  reportedRanges: 5_000,
  /** What nobody has reported after this is counted from the log itself; of logs that nobody reports, after the shorter one. */
  gapMs: 3_000,
  unreportedGapMs: 500,
  /** Added at random, so that not all trees count the same. */
  gapJitterMs: 2_000,
  /** A gap of no more offsets, the only one of its log, is counted as soon as two looks have found it, and at once in the first looks. */
  shortGapOffsets: 16,
  firstLooks: 10,
  /** Offsets of a log, and gaps in it, that are counted at a time. */
  gapOffsets: 200_000,
  gapsAtOnce: 1_000,
  /** Where much is to be counted, each tree takes one of so many parts next. */
  gapParts: 16,
  /** A tree that could not read the accounts of the others for so long says that it does not know. */
  staleMs: 15_000,
  /** Times the partitions of `raw`: so often trees report and look where logs end, but not more often than `checkpointMs`. */
  msPerPartition: 20,
  /** Reports since the last state of the whole account until it is written again, and how long that is not done again. */
  snapshotReports: 5_000,
  snapshotMs: 60_000,
  /** Rows of one record of it. */
  snapshotRows: 5_000,
  /** Of the topic of accounts: what it can have where nobody writes states of the whole. */
  topicBytes: 1024 * MiB,
  /** How long a role that begins waits for the account, and one that ends for its last report, while the queue is away. */
  firstReadMs: 5_000,
  lastReportMs: 2_000,
} as const;

export const SUPERVISOR_LIMITS = {
  /** How long a role waits for the same role of a supervisor that died. */
  lockWaitMs: 10_000,
  /** A role that ran this long is restarted without delay again. */
  healthyAfterMs: 10_000,
  requestTimeoutMs: 10_000,
  /** A question about all of the queue, for which the supervisor may have to ask Kafka. */
  questionTimeoutMs: 30_000,
  /** Marks and metrics are sent at least this often. */
  heartbeatMs: 200,
  metricsMs: 1_000,
  /** How often a role says that it lives. */
  aliveMs: 1_000,
  /** How often it is looked whether a role has said something; one that has not for so many looks stands still. */
  silenceLookMs: 1_000,
  silenceLooks: 10,
  /** A processor that has been down for so long is a trouble, told by /health/ready. */
  downTroubleMs: 5_000,
  /** /metrics waits for the queue's groups for so long, and shows the rest without them then. */
  groupsMs: 2_000,
  /** How often old segments are looked for. */
  retainMs: 60_000,
  /** How long changed marks are gathered before they are sent. */
  marksDelayMs: 2,
  readyTimeoutMs: 60_000,
  stopTimeoutMs: 9_000,
  restartDelayMs: 200,
  restartDelayMaxMs: 10_000,
} as const;

export const DRAIN_LIMITS = {
  lookMs: 200,
  /** A queue of which nothing was read for so long is not going to be emptied. */
  stillMs: 10 * 60_000,
} as const;

export const DOCTOR_LIMITS = {
  /** Indices and the like that one finding names. */
  names: 5,
  /** One check; what has not answered by then is said to have not answered. Checks run at the same time. */
  checkMs: 10_000,
  /** A connection that a check makes for itself. */
  connectMs: 4_000,
  /** One request to an engine. */
  requestMs: 5_000,
  /** A topic of Kafka that was there once is waited for so long: a broker that has just started may not know it yet. */
  missingTopicMs: 3_000,
  /** Programs that are asked about the clock. */
  programMs: 2_000,
  /** Writes of this size, each synced, tell how fast the disk is; they end after so long too. */
  syncs: 32,
  syncBytes: 4_096,
  syncsMs: 3_000,
  /** A median of more than this, in ms, is slow for a disk that every acknowledgement waits for. */
  slowSyncMs: 20,
  /** Clocks further apart than this are worth a warning; further than the second one they are wrong. */
  clockWarningMs: 1_000,
  clockWrongMs: 60_000,
  /** Files and sockets: below the first it cannot work, below the second not with all connections that it may take. */
  openFilesLeast: 1_024,
  openFiles: 16_384,
  memoryLeastBytes: 512 * MiB,
  /** What a process tree with the embedded search engine may need (docs/benchmarks.md), and one without. */
  memoryBytes: 2_048 * MiB,
  memoryWithoutSearchBytes: 768 * MiB,
  /** From so many percent of what is allowed on there is a warning: shards of OpenSearch. */
  nearPercent: 80,
  /** How full the disk of a broker may be; Kafka itself has no mark before it is full. */
  kafkaDiskWarningPercent: 85,
  kafkaDiskWrongPercent: 95,
  /** Points of percent below the high-water mark from which on there is a warning. */
  nearHighWaterPoints: 10,
  heapPercent: 90,
} as const;

export const CONFIG_LIMITS = {
  fileBytes: 1 * MiB,
  secretBytes: 64 * KiB,
  depth: 32,
} as const;

const relations: readonly (readonly [boolean, string])[] = [
  [DOCTOR_LIMITS.connectMs + DOCTOR_LIMITS.requestMs < DOCTOR_LIMITS.checkMs, 'a check ends after what it waits for'],
  [DOCTOR_LIMITS.missingTopicMs < DOCTOR_LIMITS.requestMs, 'brokers are asked again after a topic was waited for'],
  [10 * SUPERVISOR_LIMITS.heartbeatMs < GROUP_LIMITS.sessionTimeoutMs, 'a session outlives several heartbeats'],
  [
    SUPERVISOR_LIMITS.requestTimeoutMs < GROUP_LIMITS.sessionTimeoutMs,
    'a request that got lost does not end a session',
  ],
  [
    KAFKA_LIMITS.questionMs + KAFKA_LIMITS.lookMs < SUPERVISOR_LIMITS.questionTimeoutMs,
    'the supervisor says in time which brokers do not answer',
  ],
  [DOCTOR_LIMITS.requestMs + KAFKA_LIMITS.lookMs < DOCTOR_LIMITS.checkMs, 'and so does the doctor'],
  [SUPERVISOR_LIMITS.questionTimeoutMs < HTTP_LIMITS.idleMs, 'who asks a slow queue is not idle'],
  [KAFKA_LIMITS.acknowledgeMs < KAFKA_LIMITS.requestMs, 'a broker answers before its client gives up'],
  [MOVE_LIMITS.patienceMs < MOVE_LIMITS.holdMs, 'a collector that is away is given up before others spool'],
  [
    KAFKA_LIMITS.closeMs + LEDGER_LIMITS.lastReportMs < SUPERVISOR_LIMITS.stopTimeoutMs,
    'a role ends by itself while Kafka is away, and has time to close its search engine',
  ],
  [QUEUE_LIMITS.batchBytes < KAFKA_LIMITS.topicBatchBytes, 'a batch fits a topic of Kafka'],
  [COLLECT_LIMITS.messageBytes < QUEUE_LIMITS.groupBytes, 'a message fits a group'],
  [QUEUE_LIMITS.groupBytes < QUEUE_LIMITS.batchBytes, 'a group fits a batch with its headers'],
  [QUEUE_LIMITS.batchBytes < QUEUE_LIMITS.pendingBytes, 'a batch fits what may wait'],
  [LEDGER_LIMITS.reportRanges < LEDGER_LIMITS.reportedRanges, 'a role remembers what it is about to report'],
  [LEDGER_LIMITS.reportedRanges < LEDGER_LIMITS.ranges, 'a role has fewer ranges than all of them'],
  [LEDGER_LIMITS.gapMs > LEDGER_LIMITS.checkpointMs, 'a gap is counted when its report is late'],
  [QUEUE_LIMITS.pendingBytes < QUEUE_LIMITS.pendingMaxBytes, 'saturation is told before appends are refused'],
  [QUEUE_LIMITS.batchBytes <= QUEUE_LIMITS.scanWindowBytes, 'a scan sees a whole batch'],
  [QUEUE_LIMITS.batchBytes <= QUEUE_LIMITS.readBytes, 'a batch fits a read'],
  [QUEUE_LIMITS.batchBytes <= PROCESS_LIMITS.readBytes + 128 * KiB, 'the processor reads whole batches'],
  [3 * PROCESS_LIMITS.shapeKeyChars <= EVENT_LIMITS.keyBytes, 'keys of shapes need not be cut'],
  [2 * PROCESS_LIMITS.batchBytes < QUEUE_LIMITS.decompressedBatchBytes, 'events and their marker fit a batch'],
  [COLLECT_LIMITS.messageBytes < COLLECT_LIMITS.oversizedBytes, 'the second cap is above the first'],
  [COLLECT_LIMITS.deadLetterChunkBytes <= COLLECT_LIMITS.messageBytes, 'a chunk of a dead letter fits a record'],
  [
    COLLECT_LIMITS.httpBodyBytes + 2 * COLLECT_LIMITS.httpDecompressedBytes <= COLLECT_LIMITS.httpConcurrentBodiesBytes,
    'one body, its pieces and what was sent of it fit all bodies',
  ],
  [COLLECT_LIMITS.httpBodyTimeoutMs < HTTP_LIMITS.requestTimeoutMs, 'an input times out before its connection'],
  [
    TOPIC_LIMITS.recordBytes + TOPIC_LIMITS.headersBytes + TOPIC_LIMITS.keyBytes < QUEUE_LIMITS.groupBytes,
    'a produced record and what is added to it fit a batch',
  ],
  [3 * TOPIC_LIMITS.requestBytes <= TOPIC_LIMITS.bodiesBytes, 'the same for topics'],
  [TOPIC_LIMITS.groups < GROUP_LIMITS.groups, 'there is room for the groups of the roles'],
  [TOPIC_LIMITS.partitionsPerTopic <= QUEUE_LIMITS.partitionsPerTopic, 'a topic of a user fits the queue'],
  [
    TOPIC_LIMITS.partitionsPerTopic * GROUP_LIMITS.topicsPerMember <= TOPIC_LIMITS.commitOffsets,
    'a commit may be whole',
  ],
  [TOPIC_LIMITS.waitMs < HTTP_LIMITS.idleMs, 'a waiting consumer is not idle'],
  [TOPIC_LIMITS.placeChars < HTTP_LIMITS.headerBytes, 'a place fits an address'],
  [
    TOPIC_LIMITS.patientHeartbeats * SUPERVISOR_LIMITS.heartbeatMs * 3 < GROUP_LIMITS.sessionTimeoutMs,
    'a patient member outlives its own patience',
  ],
  [
    9 * QUERY_LIMITS.queryChars < HTTP_LIMITS.headerBytes,
    'a query fits an address: %XX for each of three bytes a unit',
  ],
  [QUERY_LIMITS.tailHeartbeatMs < HTTP_LIMITS.idleMs, 'a quiet tail is not idle'],
  [
    QUERY_LIMITS.timeMs + OPENSEARCH_LIMITS.probeMs < PROXY_LIMITS.timeoutMs,
    'a query ends before those who wait for it give up',
  ],
  [PROXY_LIMITS.concurrentPerTenant < PROXY_LIMITS.concurrent, 'one tenant leaves places to others'],
  [
    QUERY_LIMITS.concurrentPerTenant + QUERY_LIMITS.waitingPerTenant <= PROXY_LIMITS.concurrentPerTenant,
    'the places of a tenant are as many as the store takes',
  ],
  [PROXY_LIMITS.timeoutMs < HTTP_LIMITS.idleMs, 'a waiting client is not idle'],
  [STORE_LIMITS.stopGraceMs < SUPERVISOR_LIMITS.stopTimeoutMs, 'a store that stops gives up before it is killed'],
  [STORE_LIMITS.startGraceMs < SUPERVISOR_LIMITS.readyTimeoutMs, 'a store that is held up becomes ready in time'],
  [STORE_LIMITS.insertRows < STORE_LIMITS.insertSpan, 'the rows of an insert fit its span'],
  [STORE_LIMITS.letterSpan >= 2 * STORE_LIMITS.insertSpan, 'letters around a record of an insert are known'],
  [QUERY_LIMITS.concurrentPerTenant <= QUERY_LIMITS.concurrent, 'one tenant fits the whole'],
  [
    // Three bytes a unit, a longer name's hash or plain key of three bytes a unit, and the marks of a term.
    (OPENSEARCH_LIMITS.termChars + OPENSEARCH_LIMITS.keyChars) * 3 + 16 < 32_766,
    "a cut keyword behind the name of its field fits Lucene's longest term",
  ],
  [QUERY_LIMITS.queryChars <= OPENSEARCH_LIMITS.termChars, 'no query is longer than what is indexed of a keyword'],
  [STORE_LIMITS.pathWords < 65_536, 'the number of a word fits two bytes'],
  [6 * STORE_LIMITS.syncMergedEveryMs < STORE_LIMITS.mergedPartsLifetimeS * 1_000, 'merges are synced in time'],
];
for (const [holds, what] of relations) if (!holds) throw new Error(`limits contradict each other: ${what}`);
