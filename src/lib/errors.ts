/**
 * The closed registry of errors. Every error that a user can meet has a stable code here; the code is part of the
 * contract (problem documents, exit messages, dead letters, docs/errors.md). A message says what happened, where,
 * and what to do next; `retry` says whether the same call may succeed later without a change.
 */
export interface ErrorKind {
  /** HTTP status where the error reaches a client over HTTP. */
  readonly status: number;
  /** One short sentence: the title of the problem document. */
  readonly title: string;
  /** Whether the same call may succeed later. */
  readonly retry: boolean;
}

export const ERROR_KINDS = {
  // configuration and start
  CONFIG_INVALID: { status: 500, title: 'The configuration is not valid.', retry: false },
  DATA_FOLDER_IN_USE: { status: 500, title: 'Another process uses this data folder.', retry: false },
  FOLDER_UNUSABLE: { status: 500, title: 'A folder cannot be used.', retry: false },
  LISTEN_FAILED: { status: 500, title: 'An address cannot be listened on.', retry: false },
  // requests
  BAD_REQUEST: { status: 400, title: 'The request cannot be read.', retry: false },
  UNKNOWN_PARAMETER: { status: 400, title: 'A parameter is not known.', retry: false },
  QUERY_SYNTAX: { status: 400, title: 'The query cannot be parsed.', retry: false },
  QUERY_UNSUPPORTED: { status: 400, title: 'The query uses something that is not supported.', retry: false },
  QUERY_TOO_LARGE: { status: 400, title: 'The query is larger than the limit.', retry: false },
  CURSOR_INVALID: { status: 400, title: 'The cursor does not belong to this query.', retry: false },
  UNAUTHORIZED: { status: 401, title: 'A valid token is needed.', retry: false },
  FORBIDDEN: { status: 403, title: 'The token does not allow this.', retry: false },
  NOT_FOUND: { status: 404, title: 'There is nothing at this address.', retry: false },
  REQUEST_TIMEOUT: { status: 408, title: 'The body came too slowly.', retry: true },
  BODY_TOO_LARGE: { status: 413, title: 'The body is larger than the limit.', retry: false },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'The content type or encoding is not supported.', retry: false },
  IDEMPOTENCY_MISMATCH: { status: 422, title: 'The Idempotency-Key was used with another body.', retry: false },
  TOO_MANY_REQUESTS: { status: 429, title: 'Too many requests are under way.', retry: true },
  HEADERS_TOO_LARGE: { status: 431, title: 'The request line and headers are larger than the limit.', retry: false },
  INTERNAL: { status: 500, title: 'Something in Spillway failed.', retry: true },
  UNAVAILABLE: { status: 503, title: 'A part that is needed is not available now.', retry: true },
  QUERY_TIMEOUT: { status: 503, title: 'The query took longer than its limit.', retry: false },
  QUERY_MEMORY: { status: 503, title: 'The query needed more memory than its limit.', retry: false },
  QUERY_CANCELLED: { status: 499, title: 'The query was cancelled.', retry: true },
  // queue
  QUEUE_PARTITION_STOPPED: { status: 503, title: 'A partition stopped writing after a failed fsync.', retry: false },
  QUEUE_CORRUPT: { status: 500, title: 'Stored data does not match its checksum.', retry: false },
  QUEUE_OFFSET_OUT_OF_RANGE: { status: 410, title: 'The offset is not retained any more.', retry: false },
  QUEUE_FENCED: { status: 409, title: 'Another owner has taken over.', retry: false },
  DISK_FULL: { status: 503, title: 'The disk is full.', retry: true },
  DISK_ALMOST_FULL: { status: 503, title: 'The disk is above its high-water mark.', retry: true },
  QUEUE_UNREACHABLE: { status: 503, title: 'The queue does not answer.', retry: true },
  QUEUE_REFUSED: { status: 503, title: 'The queue refused the login or the right to do this.', retry: false },
  QUEUE_TOPIC_INVALID: { status: 503, title: 'A topic of the queue is not as it has to be.', retry: false },
  // topics and groups of users
  TOPIC_EXISTS: { status: 409, title: 'There is such a topic, and it is another.', retry: false },
  LIMIT_REACHED: { status: 409, title: 'There are as many as there may be.', retry: false },
  GROUP_IN_USE: { status: 409, title: 'The group is in use.', retry: false },
  MEMBER_UNKNOWN: { status: 404, title: 'The group has no such member.', retry: false },
  RECORD_INVALID: { status: 400, title: 'A record cannot be read.', retry: false },
  QUEUE_CHANGED: { status: 500, title: 'The data folder belongs to another queue.', retry: false },
  SITE_CHANGED: { status: 500, title: 'The queue has another site.', retry: false },
  // records that cannot be events
  MESSAGE_TOO_LARGE: { status: 413, title: 'The message is longer than the limit.', retry: false },
  FRAME_INVALID: { status: 400, title: 'The frame is broken.', retry: false },
  JSON_INVALID: { status: 400, title: 'The line is not valid JSON.', retry: false },
  EVENT_REFUSED: { status: 400, title: 'The store refused the event.', retry: false },
  STAGE_FAILED: { status: 500, title: 'A stage failed on this record.', retry: false },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERROR_KINDS;

export interface SpillwayErrorOptions {
  readonly cause?: unknown;
  /** Machine-readable facts, such as {position, limit}; they become members of the problem document. */
  readonly details?: Readonly<Record<string, string | number | boolean>>;
  /** For Retry-After, in seconds. */
  readonly retryAfterS?: number;
}

export class SpillwayError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, string | number | boolean>>;
  readonly retryAfterS: number | undefined;

  constructor(code: ErrorCode, message: string, options: SpillwayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SpillwayError';
    this.code = code;
    this.details = options.details ?? {};
    this.retryAfterS = options.retryAfterS;
  }

  get kind(): ErrorKind {
    return ERROR_KINDS[this.code];
  }
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
