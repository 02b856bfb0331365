/** What a broker's or the network's answer means for whoever asked. */
import { SpillwayError } from '../../lib/errors.ts';
import { ANOTHER_CLUSTER } from './cluster-identity.ts';

export type Verdict =
  /** Ask again, of whoever is responsible by then. */
  | 'retry'
  /** Brokers of another cluster answer. Ask again: the right ones may be back. */
  | 'another-cluster'
  /** Another owner has taken over. */
  | 'fenced'
  /** The broker does not know what this producer has written before. */
  | 'sequence'
  /** The offset is before the first or after the last record. */
  | 'out-of-range'
  /** Somebody has changed the topic: it does not take what it had promised to take. */
  | 'settings'
  | 'login'
  /** The broker's certificate is not one that is trusted here. */
  | 'certificate'
  /** The broker's listener speaks TLS, and we do not. */
  | 'tls'
  | 'right'
  | 'failed';

const VERDICTS: Readonly<Record<string, Verdict>> = {
  INVALID_PRODUCER_EPOCH: 'fenced',
  PRODUCER_FENCED: 'fenced',
  TRANSACTION_COORDINATOR_FENCED: 'fenced',
  FENCED_MEMBER_EPOCH: 'fenced',
  UNKNOWN_MEMBER_ID: 'fenced',
  STALE_MEMBER_EPOCH: 'fenced',
  // Said to a member of a group that brokers have forgotten, as they do with an empty one.
  GROUP_ID_NOT_FOUND: 'fenced',
  OUT_OF_ORDER_SEQUENCE_NUMBER: 'sequence',
  UNKNOWN_PRODUCER_ID: 'sequence',
  INVALID_PRODUCER_ID_MAPPING: 'sequence',
  OFFSET_OUT_OF_RANGE: 'out-of-range',
  MESSAGE_TOO_LARGE: 'settings',
  RECORD_LIST_TOO_LARGE: 'settings',
  INVALID_RECORD: 'settings',
  INVALID_TIMESTAMP: 'settings',
  UNSUPPORTED_COMPRESSION_TYPE: 'settings',
  SASL_AUTHENTICATION_FAILED: 'login',
  UNSUPPORTED_SASL_MECHANISM: 'login',
  ILLEGAL_SASL_STATE: 'login',
  TOPIC_AUTHORIZATION_FAILED: 'right',
  GROUP_AUTHORIZATION_FAILED: 'right',
  CLUSTER_AUTHORIZATION_FAILED: 'right',
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 'right',
};

/** Kafka's own word for these is not "retriable", but a moment later the answer is another. */
const PASSING = new Set([
  // On the way: its checksum was made just before it was sent.
  'CORRUPT_MESSAGE',
  'UNKNOWN_SERVER_ERROR',
  'CONCURRENT_TRANSACTIONS',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'UNKNOWN_TOPIC_ID',
  'NOT_CONTROLLER',
  'COORDINATOR_NOT_AVAILABLE',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'NOT_COORDINATOR',
  'NOT_ENOUGH_REPLICAS',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  'KAFKA_STORAGE_ERROR',
  'REQUEST_TIMED_OUT',
  'BROKER_NOT_AVAILABLE',
  'REPLICA_NOT_AVAILABLE',
  'UNKNOWN_LEADER_EPOCH',
  'FENCED_LEADER_EPOCH',
  'UNSTABLE_OFFSET_COMMIT',
  'THROTTLING_QUOTA_EXCEEDED',
]);

const CERTIFICATE_CODE = /CERT|SELF_SIGNED|SIGNATURE|ISSUER/;
/** The library has no code of its own for it. */
const WANTS_TLS = 'Broker requires TLS.';
const NETWORK_CODES = new Set(['PLT_KFK_NETWORK', 'PLT_KFK_TIMEOUT', 'PLT_KFK_UNEXPECTED_CORRELATION_ID']);

interface Node {
  readonly apiId?: string;
  readonly code?: unknown;
  readonly message?: unknown;
  readonly canRetry?: boolean;
  readonly errors?: readonly unknown[];
  readonly cause?: unknown;
}

/** The error and all that it was made of. */
function* nodesOf(thrown: unknown): Generator<Node> {
  if (typeof thrown !== 'object' || thrown === null) return;
  const node: Node = thrown;
  yield node;
  for (const each of node.errors ?? []) yield* nodesOf(each);
  yield* nodesOf(node.cause);
}

/** Kafka's name of the error, where a broker gave one: of an error of ours, what it was made of. */
export function brokerErrorOf(thrown: unknown): string | undefined {
  const names = [...nodesOf(thrown)].flatMap(({ apiId }) => apiId ?? []);
  // The library says this of each record that is refused, beside why the batch is.
  return names.find((name) => name !== 'UNKNOWN_SERVER_ERROR') ?? names[0];
}

export function verdictOn(thrown: unknown): Verdict {
  const name = brokerErrorOf(thrown);
  if (name !== undefined && VERDICTS[name] !== undefined) return VERDICTS[name];
  if (name !== undefined && PASSING.has(name)) return 'retry';
  // Before anything else: with a login it is why that failed.
  if ([...nodesOf(thrown)].some(({ message }) => message === WANTS_TLS)) return 'tls';
  let verdict: Verdict = 'failed';
  for (const { code, canRetry, apiId, cause } of nodesOf(thrown)) {
    if (code === ANOTHER_CLUSTER) return 'another-cluster';
    // A broker that went away in the middle of it has refused nothing.
    if (code === 'PLT_KFK_AUTHENTICATION') return isOfNetwork(cause) ? 'retry' : 'login';
    if (typeof code === 'string' && CERTIFICATE_CODE.test(code)) return 'certificate';
    if (apiId !== undefined && canRetry === true) verdict = 'retry';
    if (apiId === undefined && typeof code === 'string' && NETWORK_CODES.has(code)) verdict = 'retry';
  }
  return verdict;
}

/** Whether the answer may be another one a moment later, when nothing was changed here. */
export function passes(thrown: unknown): boolean {
  const verdict = verdictOn(thrown);
  return verdict === 'retry' || verdict === 'another-cluster';
}

function isOfNetwork(thrown: unknown): boolean {
  return [...nodesOf(thrown)].some(({ code }) => typeof code === 'string' && NETWORK_CODES.has(code));
}

/** In a word, for a label of a metric. */
export function labelOf(thrown: unknown): string {
  const name = brokerErrorOf(thrown);
  if (name !== undefined) return name;
  for (const { code } of nodesOf(thrown)) {
    if (typeof code === 'string' && /^[A-Z][A-Z0-9_]+$/.test(code) && !code.startsWith('PLT_')) return code;
  }
  return verdictOn(thrown);
}

/** In words, for a sentence. */
export function reasonOf(thrown: unknown): string {
  const name = brokerErrorOf(thrown);
  if (name !== undefined) return WORDS[name] ?? name;
  for (const { code } of nodesOf(thrown)) {
    if (typeof code === 'string' && (/^E[A-Z]+$/.test(code) || CERTIFICATE_CODE.test(code))) return code;
  }
  return thrown instanceof Error ? thrown.message : String(thrown);
}

const WORDS: Readonly<Record<string, string>> = {
  NOT_ENOUGH_REPLICAS: 'fewer replicas are in sync than min.insync.replicas asks for (NOT_ENOUGH_REPLICAS)',
  NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    'fewer replicas are in sync than min.insync.replicas asks for (NOT_ENOUGH_REPLICAS_AFTER_APPEND)',
  UNKNOWN_TOPIC_OR_PARTITION: 'the topic or partition is not there (UNKNOWN_TOPIC_OR_PARTITION)',
  UNKNOWN_TOPIC_ID: 'the topic is not there any more (UNKNOWN_TOPIC_ID)',
  MESSAGE_TOO_LARGE: 'it is larger than max.message.bytes of the topic: raise that (MESSAGE_TOO_LARGE)',
  RECORD_LIST_TOO_LARGE: 'it is larger than segment.bytes of the topic: raise that (RECORD_LIST_TOO_LARGE)',
  INVALID_TIMESTAMP:
    'its time is outside message.timestamp.before.max.ms and after.max.ms of the topic: raise them (INVALID_TIMESTAMP)',
  INVALID_RECORD: 'the topic asks for keys, so its cleanup.policy is not delete any more: set that (INVALID_RECORD)',
  LEADER_NOT_AVAILABLE: 'the partition has no leader now (LEADER_NOT_AVAILABLE)',
  REQUEST_TIMED_OUT: 'the replicas did not answer in time (REQUEST_TIMED_OUT)',
};

/** The error of ours for what cannot be asked again (any more). */
export function asSpillwayError(thrown: unknown, doing: string, brokers: string): SpillwayError {
  if (thrown instanceof SpillwayError) return thrown;
  const reason = reasonOf(thrown);
  const options = { cause: thrown, details: { brokers } };
  switch (verdictOn(thrown)) {
    case 'retry':
      return new SpillwayError(
        'QUEUE_UNREACHABLE',
        `Kafka (${brokers}) did not answer: ${doing}: ${reason}. Look whether its brokers run and can be reached from here, and whether queue.tls.enabled fits their listeners.`,
        { ...options, retryAfterS: 5 },
      );
    case 'another-cluster':
      return new SpillwayError(
        'QUEUE_UNREACHABLE',
        `Kafka (${brokers}) cannot be reached: ${doing}: ${reason}. Nothing is written to that one or read from it. ` +
          'Let the addresses lead to the right brokers again: it goes on by itself then.',
        { ...options, retryAfterS: 5 },
      );
    case 'fenced':
      return new SpillwayError('QUEUE_FENCED', `${doing}: another owner has taken over (${reason}).`, options);
    case 'login':
      return new SpillwayError(
        'QUEUE_REFUSED',
        `Kafka (${brokers}) refused the login: ${reason}. Look at queue.sasl (mechanism, username, password).`,
        options,
      );
    case 'certificate':
      return new SpillwayError(
        'QUEUE_REFUSED',
        `The certificate of Kafka (${brokers}) is not trusted here: ${reason}. Look at queue.tls.ca and at the names in it.`,
        options,
      );
    case 'tls':
      return new SpillwayError(
        'QUEUE_REFUSED',
        `Kafka (${brokers}) wants TLS there: set queue.tls.enabled, or name another of its listeners in queue.brokers.`,
        options,
      );
    case 'right':
      return new SpillwayError(
        'QUEUE_REFUSED',
        `Kafka (${brokers}) does not allow this user: ${doing}: ${reason}. Give it the rights that the page about Kafka lists.`,
        options,
      );
    case 'settings':
      return new SpillwayError(
        'QUEUE_TOPIC_INVALID',
        `Kafka (${brokers}) refused a batch: ${doing}: ${reason}. Look at max.message.bytes and the other settings of the topic.`,
        options,
      );
    default:
      return new SpillwayError('INTERNAL', `Kafka (${brokers}): ${doing}: ${reason}.`, options);
  }
}

export const GONE_ADVICE =
  'Its records cannot be brought back. To begin with empty topics, set another queue.prefix, and another site so that ' +
  'new events do not get the ids of old ones, and start on the same data folder: what was spooled there goes to them';

export function topicGone(topic: string): SpillwayError {
  return new SpillwayError('QUEUE_TOPIC_INVALID', `The topic ${topic} was removed by somebody. ${GONE_ADVICE}.`, {
    details: { topic },
  });
}

export function topicReplaced(topic: string): SpillwayError {
  const what = `The topic ${topic} was removed by somebody and made again`;
  return new SpillwayError('QUEUE_TOPIC_INVALID', `${what}. ${GONE_ADVICE}.`, { details: { topic } });
}
