/** Anything thrown, as a problem document (RFC 9457): no stack, and no path of this machine. */
import { STATUS_CODES } from 'node:http';
import { ERROR_KINDS, type ErrorCode, SpillwayError } from '../lib/errors.ts';
import { suggest } from '../lib/suggest.ts';
import type { Problem } from './schemas/problem.ts';

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

/** What AJV says of one place, as far as it is used here. */
interface Complaint {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message?: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly parentSchema?: {
    readonly properties?: Readonly<Record<string, unknown>>;
    /** What a pattern stands for, in words. */
    readonly 'x-expects'?: string;
  };
}

interface ValidationError extends Error {
  readonly validation: readonly Complaint[];
  readonly validationContext?: string;
}

export function problemOf(error: SpillwayError, requestId: string): Problem & Record<string, unknown> {
  const { code, kind, details } = error;
  const problem = {
    type: `urn:spillway:error:${code}`,
    title: kind.title,
    status: kind.status,
    detail: detailOf(error),
    code,
    instance: `urn:spillway:request:${requestId}`,
  };
  return { ...problem, ...details, ...problem };
}

/** Everything that can be thrown in a server as an error of the registry. */
export function toSpillwayError(thrown: unknown): SpillwayError {
  if (thrown instanceof SpillwayError) return thrown;
  if (isValidationError(thrown)) return ofValidation(thrown);
  const { code, statusCode, message } = asFastifyError(thrown);
  const known = FASTIFY_CODES[code];
  if (known !== undefined) return new SpillwayError(known[0], known[1], { cause: thrown });
  if (statusCode >= 400 && statusCode < 500) {
    return new SpillwayError(codeOfStatus(statusCode), code === '' ? (STATUS_CODES[statusCode] ?? '') : message, {
      cause: thrown,
    });
  }
  return new SpillwayError('INTERNAL', 'Something failed.', { cause: thrown });
}

/** Fastify's own errors, said in our words. */
const FASTIFY_CODES: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['BODY_TOO_LARGE', 'The body is larger than this address takes.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['UNSUPPORTED_MEDIA_TYPE', 'This address does not take that Content-Type.'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['BAD_REQUEST', 'The body is empty; send a JSON object.'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['BAD_REQUEST', 'The body is not valid JSON.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['BAD_REQUEST', 'The body is not as long as its Content-Length says.'],
  FST_ERR_BAD_URL: ['BAD_REQUEST', 'The path is not properly percent-encoded.'],
  FST_ERR_REQUEST_TIMEOUT: ['REQUEST_TIMEOUT', 'The request took too long to arrive.'],
};

const SAID_OPENLY_CODES: ReadonlySet<ErrorCode> = new Set([
  'UNAVAILABLE',
  'DISK_ALMOST_FULL',
  'QUERY_TIMEOUT',
  'QUERY_MEMORY',
]);
/** The queue logs these when they begin; a line for each request would fill what is left of the disk. */
const LOGGED_ONCE_CODES: ReadonlySet<ErrorCode> = new Set(['DISK_FULL', 'QUEUE_PARTITION_STOPPED']);

/** Messages of errors on our side may name files; those go to the log, and the client gets the rest. */
function detailOf({ code, kind, message }: SpillwayError): string {
  if (code === 'INTERNAL') return 'Something in Spillway failed. Its log says what, under the id of this request.';
  if (kind.status < 500 || SAID_OPENLY_CODES.has(code)) return message;
  return message.replace(/(^|[\s"'`(=:])(?:\/[\w.@-]+)+\/?|[A-Za-z]:\\[^\s"']+/g, '$1(a file)');
}

function codeOfStatus(status: number): ErrorCode {
  if (status === 401) return 'UNAUTHORIZED';
  if (status === 403) return 'FORBIDDEN';
  if (status === 404) return 'NOT_FOUND';
  if (status === 408) return 'REQUEST_TIMEOUT';
  if (status === 413) return 'BODY_TOO_LARGE';
  if (status === 415) return 'UNSUPPORTED_MEDIA_TYPE';
  if (status === 429) return 'TOO_MANY_REQUESTS';
  return 'BAD_REQUEST';
}

function asFastifyError(thrown: unknown): { code: string; statusCode: number; message: string } {
  if (!(thrown instanceof Error)) return { code: '', statusCode: 500, message: '' };
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : '';
  const statusCode = 'statusCode' in thrown && typeof thrown.statusCode === 'number' ? thrown.statusCode : 500;
  return { code, statusCode, message: thrown.message };
}

function isValidationError(thrown: unknown): thrown is ValidationError {
  return thrown instanceof Error && 'validation' in thrown && Array.isArray(thrown.validation);
}

function ofValidation(error: ValidationError): SpillwayError {
  const complaint = error.validation.find(({ keyword }) => keyword !== 'anyOf') ?? error.validation[0];
  if (complaint === undefined) return new SpillwayError('BAD_REQUEST', 'The request cannot be read.');
  const unknown = complaint.params.additionalProperty;
  if (complaint.keyword === 'additionalProperties' && typeof unknown === 'string') {
    return unknownParameter(unknown, Object.keys(complaint.parentSchema?.properties ?? {}));
  }
  const missing = complaint.params.missingProperty;
  if (complaint.keyword === 'required' && typeof missing === 'string') {
    return new SpillwayError('BAD_REQUEST', `The parameter ${missing} is needed.`, { details: { parameter: missing } });
  }
  const parameter = complaint.instancePath.replace(/^\//, '').replaceAll('/', '.');
  const { limit } = complaint.params;
  const what = parameter === '' ? 'The body' : `The parameter ${parameter}`;
  return new SpillwayError('BAD_REQUEST', `${what} ${sayComplaint(complaint)}.`, {
    details: {
      ...(parameter === '' ? {} : { parameter }),
      ...(typeof limit === 'number' ? { limit } : {}),
    },
  });
}

function sayComplaint({ keyword, message = 'is not valid', params, parentSchema }: Complaint): string {
  const expected = parentSchema?.['x-expects'];
  if (keyword === 'pattern' && expected !== undefined) return `must be ${expected}`;
  if (keyword === 'enum' && Array.isArray(params.allowedValues)) {
    return `must be one of ${params.allowedValues.join(', ')}`;
  }
  return message;
}

const SHOWN_NAME_CHARS = 64;

function unknownParameter(name: string, known: readonly string[]): SpillwayError {
  const shown = name.slice(0, SHOWN_NAME_CHARS);
  const near = suggest(shown, known);
  const help = near === undefined ? `Known are: ${known.join(', ') || 'none'}.` : `Did you mean "${near}"?`;
  return new SpillwayError('UNKNOWN_PARAMETER', `There is no parameter "${shown}". ${help}`, {
    details: { parameter: shown, ...(near === undefined ? {} : { suggestion: near }) },
  });
}

/** The whole response for a socket on which there is no request yet. */
export function rawProblem(error: SpillwayError, requestId: string): string {
  const { status } = error.kind;
  const body = JSON.stringify(problemOf(error, requestId));
  return (
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nContent-Type: ${PROBLEM_TYPE}\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`
  );
}

/** Whether it is our fault, so that our log should have it. */
export const isOurs = (code: ErrorCode): boolean =>
  ERROR_KINDS[code].status >= 500 && !SAID_OPENLY_CODES.has(code) && !LOGGED_ONCE_CODES.has(code);
