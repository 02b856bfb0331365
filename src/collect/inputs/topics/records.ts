/**
 * The records of a request that produces, as its Content-Type says. JSON values stay the sender's bytes: numbers of any
 * length, the order of members and white space are kept. What cannot be kept as it was sent is refused.
 */
import { isUtf8 } from 'node:buffer';
import { SpillwayError } from '../../../lib/errors.ts';
import { TOPIC_LIMITS } from '../../../lib/limits.ts';
import { BROKEN, JsonScanner, skipSpace } from '../http/json-scanner.ts';
import { bytesOfBase64 } from './base64.ts';

export interface ProducedRecord {
  readonly key: Buffer | undefined;
  /** Null: a tombstone, by which whoever keeps the newest record of each key removes that key. */
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [name: string, value: Buffer])[];
  readonly partition: number | undefined;
}

/** `json`: a record, an array of them, or `{"records": […]}`; `ndjson`: a record a line; `text`: a value a line. */
export type RecordFormat = 'json' | 'ndjson' | 'text' | 'bytes';

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const [OBJECT_OPEN, OBJECT_CLOSE, ARRAY_OPEN, ARRAY_CLOSE, COMMA] = [0x7b, 0x7d, 0x5b, 0x5d, 0x2c];
const MEMBERS = ['key', 'keyEncoding', 'value', 'encoding', 'headers', 'headerEncodings', 'partition'] as const;
type Member = (typeof MEMBERS)[number];
const ENCODINGS: readonly unknown[] = ['json', 'text', 'base64'];
const HEADER_ENCODINGS: readonly unknown[] = ['text', 'base64'];
const NULL_TEXT = Buffer.from('null');
/** What Spillway itself adds begins so. */
export const OWN_HEADERS_PREFIX = 'spillway-';

/** Throws RECORD_INVALID, MESSAGE_TOO_LARGE, BAD_REQUEST; nothing of the request is to be taken then. */
export function parseRecords(body: Buffer, format: RecordFormat): ProducedRecord[] {
  const records = [...recordsOf(body, format)];
  if (records.length === 0) throw new SpillwayError('BAD_REQUEST', 'There is no record in the body.');
  return records;
}

function* recordsOf(body: Buffer, format: RecordFormat): Generator<ProducedRecord> {
  let count = 0;
  const counted = (record: ProducedRecord): ProducedRecord => {
    assertSize(record, count++);
    return record;
  };
  if (format === 'bytes') {
    yield counted(plain(body));
    return;
  }
  if (format === 'text') {
    for (const [start, end] of lines(body)) yield counted(plain(body.subarray(start, end)));
    return;
  }
  if (!isUtf8(body)) throw new SpillwayError('BAD_REQUEST', 'The body is not UTF-8, as JSON has to be.');
  const scanner = new JsonScanner();
  const places = format === 'ndjson' ? lines(body) : elements(body, scanner);
  for (const [start, end] of places) yield counted(readRecord(body, start, end, scanner, count));
}

const plain = (value: Buffer): ProducedRecord => ({ key: undefined, value, headers: [], partition: undefined });

function assertSize({ key, value, headers }: ProducedRecord, record: number): void {
  const { requestRecords, recordBytes, keyBytes, headersBytes, headers: most } = TOPIC_LIMITS;
  if (record >= requestRecords) {
    throw new SpillwayError('BODY_TOO_LARGE', `A request has ${requestRecords} records at the most; send several.`, {
      details: { limit: requestRecords },
    });
  }
  const ofHeaders = headers.reduce((sum, [name, each]) => sum + Buffer.byteLength(name) + each.length, 0);
  const ofKey = key?.length ?? 0;
  if (ofKey > keyBytes) throw invalid(record, `its key has ${ofKey} bytes, and ${keyBytes} are taken`);
  if (headers.length > most) throw invalid(record, `it has ${headers.length} headers, and ${most} are taken`);
  if (ofHeaders > headersBytes)
    throw invalid(record, `its headers have ${ofHeaders} bytes, and ${headersBytes} are taken`);
  const bytes = ofKey + (value?.length ?? 0) + ofHeaders;
  if (bytes <= recordBytes) return;
  throw new SpillwayError(
    'MESSAGE_TOO_LARGE',
    `Nothing was taken: record ${record} has ${bytes} bytes, and ${recordBytes} are taken.`,
    { details: { record, limit: recordBytes } },
  );
}

/** Without their ends; empty ones are none. */
function* lines(body: Buffer): Generator<[start: number, end: number]> {
  for (let start = 0; start < body.length; ) {
    const found = body.indexOf(NEWLINE, start);
    const next = found < 0 ? body.length : found;
    const end = next > start && body[next - 1] === RETURN ? next - 1 : next;
    if (end > start) yield [start, end];
    start = next + 1;
  }
}

/** Where the records of a JSON body are. */
function* elements(body: Buffer, scanner: JsonScanner): Generator<[start: number, end: number]> {
  const start = skipSpace(body, 0, body.length);
  if (body[start] === ARRAY_OPEN) {
    const end = yield* elementsOf(body, start, scanner);
    assertEnd(body, end);
    return;
  }
  let wrapped: number | undefined;
  let others = 0;
  const end = eachMember(body, start, body.length, scanner, 0, (name, valueStart) => {
    if (name === 'records' && body[valueStart] === ARRAY_OPEN) wrapped = valueStart;
    else others++;
  });
  assertEnd(body, end);
  if (wrapped === undefined) yield [start, end];
  else if (others > 0) throw new SpillwayError('BAD_REQUEST', 'Beside "records" the body may have nothing else.');
  else yield* elementsOf(body, wrapped, scanner);
}

function assertEnd(body: Buffer, end: number): void {
  if (skipSpace(body, end, body.length) === body.length) return;
  throw new SpillwayError('BAD_REQUEST', 'Something follows the JSON; send one record a line as application/x-ndjson.');
}

function* elementsOf(body: Buffer, open: number, scanner: JsonScanner): Generator<[number, number], number> {
  let at = skipSpace(body, open + 1, body.length);
  if (body[at] === ARRAY_CLOSE) return at + 1;
  for (let record = 0; ; record++) {
    const end = scan(body, at, body.length, scanner, record);
    yield [at, end];
    at = skipSpace(body, end, body.length);
    if (body[at] === ARRAY_CLOSE) return at + 1;
    if (body[at] !== COMMA) throw invalid(record, 'a comma or the end of the array is missing after it');
    at = skipSpace(body, at + 1, body.length);
  }
}

function readRecord(body: Buffer, start: number, end: number, scanner: JsonScanner, record: number): ProducedRecord {
  const places = new Map<Member, readonly [number, number]>();
  const close = eachMember(body, start, end, scanner, record, (name, valueStart, valueEnd) => {
    const member = MEMBERS.find((known) => known === name);
    if (member === undefined) {
      throw invalid(record, `it has a member "${name.slice(0, 64)}"; known are ${MEMBERS.join(', ')}`);
    }
    if (places.has(member)) throw invalid(record, `it has two members "${member}"`);
    places.set(member, [valueStart, valueEnd]);
  });
  if (skipSpace(body, close, end) !== end) throw invalid(record, 'something follows it in its line');
  const read = (member: Member): unknown => {
    const place = places.get(member);
    return place === undefined ? undefined : JSON.parse(body.toString('utf8', ...place));
  };
  const written = (member: 'key' | 'value'): Buffer | undefined => {
    const place = places.get(member);
    return place === undefined ? undefined : body.subarray(...place);
  };
  const [key, value] = [written('key'), written('value')];
  if (value === undefined) throw invalid(record, 'it has no "value"; one that is to be empty is null');
  return {
    key:
      key === undefined ? undefined : (bytesOfMember('key', key, read('keyEncoding') ?? 'text', record) ?? undefined),
    value: bytesOfMember('value', value, read('encoding') ?? 'json', record),
    headers: headersOf(read('headers') ?? {}, read('headerEncodings') ?? {}, record),
    partition: partitionOf(read('partition'), record),
  };
}

/** Null, in whatever encoding, is nothing at all: JSON's own null is the text of it. */
function bytesOfMember(member: 'key' | 'value', written: Buffer, encoding: unknown, record: number): Buffer | null {
  if (!ENCODINGS.includes(encoding)) {
    const name = member === 'key' ? 'keyEncoding' : 'encoding';
    throw invalid(record, `its "${name}" is not one of ${ENCODINGS.join(', ')}`);
  }
  if (written.equals(NULL_TEXT)) return null;
  if (encoding === 'json') return written;
  const text: unknown = JSON.parse(written.toString('utf8'));
  if (typeof text !== 'string') {
    throw invalid(record, `its "${member}" is not a string, as the encoding ${encoding} needs`);
  }
  return encoding === 'text' ? bytesOf(text, member, record) : bytesFromBase64(text, `"${member}"`, record);
}

/** A header is text, or what `encodings` says by its name. */
function headersOf(headers: unknown, encodings: unknown, record: number): (readonly [string, Buffer])[] {
  const encodingOf = new Map(membersOf(encodings, 'headerEncodings', record));
  const found = membersOf(headers, 'headers', record).map(([name, value]) => {
    const called = `header "${name.slice(0, 64)}"`;
    const encoding = encodingOf.get(name) ?? 'text';
    encodingOf.delete(name);
    if (typeof value !== 'string') throw invalid(record, `its ${called} is not a string`);
    if (!HEADER_ENCODINGS.includes(encoding)) {
      throw invalid(record, `the encoding of its ${called} is not one of ${HEADER_ENCODINGS.join(', ')}`);
    }
    if (name.startsWith(OWN_HEADERS_PREFIX)) {
      throw invalid(record, `headers that begin with ${OWN_HEADERS_PREFIX} are Spillway's own`);
    }
    bytesOf(name, 'headers', record);
    const bytes = encoding === 'text' ? bytesOf(value, 'headers', record) : bytesFromBase64(value, called, record);
    return [name, bytes] as const;
  });
  const [left] = encodingOf.keys();
  if (left !== undefined)
    throw invalid(record, `it has no header "${left.slice(0, 64)}", which "headerEncodings" names`);
  return found;
}

function membersOf(object: unknown, member: Member, record: number): [string, unknown][] {
  if (typeof object === 'object' && object !== null && !Array.isArray(object)) return Object.entries(object);
  throw invalid(record, `its "${member}" are not an object`);
}

function bytesFromBase64(text: string, what: string, record: number): Buffer {
  const bytes = bytesOfBase64(text);
  if (bytes === undefined) throw invalid(record, `its ${what} is not base64 (RFC 4648, with its padding)`);
  return bytes;
}

function partitionOf(partition: unknown, record: number): number | undefined {
  if (partition === undefined || partition === null) return undefined;
  if (typeof partition === 'number' && Number.isInteger(partition) && partition >= 0) return partition;
  throw invalid(record, 'its "partition" is not a number from 0');
}

/** Half a surrogate pair would become another character. */
function bytesOf(text: string, member: Member, record: number): Buffer {
  if (text.isWellFormed()) return Buffer.from(text);
  throw invalid(record, `its "${member}" is no valid Unicode`);
}

/** Calls for each member of the object at `start`; where the object ends. */
function eachMember(
  body: Buffer,
  start: number,
  end: number,
  scanner: JsonScanner,
  record: number,
  found: (name: string, valueStart: number, valueEnd: number) => void,
): number {
  let at = skipSpace(body, start, end);
  if (body[at] !== OBJECT_OPEN || at >= end) throw invalid(record, 'it is not a JSON object');
  // Checks all of it: what follows may trust the form.
  const close = scan(body, at, end, scanner, record);
  at = skipSpace(body, at + 1, end);
  while (body[at] !== OBJECT_CLOSE) {
    const nameEnd = scan(body, at, end, scanner, record);
    const name: string = JSON.parse(body.toString('utf8', at, nameEnd));
    // Past the colon.
    const valueStart = skipSpace(body, skipSpace(body, nameEnd, end) + 1, end);
    const valueEnd = scan(body, valueStart, end, scanner, record);
    found(name, valueStart, valueEnd);
    at = skipSpace(body, valueEnd, end);
    if (body[at] === COMMA) at = skipSpace(body, at + 1, end);
  }
  return close;
}

function scan(body: Buffer, start: number, end: number, scanner: JsonScanner, record: number): number {
  const found = scanner.scan(body, start, end);
  if (found === BROKEN) throw invalid(record, `it is not valid JSON: ${scanner.problem}`);
  return found;
}

function invalid(record: number, what: string): SpillwayError {
  return new SpillwayError('RECORD_INVALID', `Nothing was taken: record ${record} of the request: ${what}.`, {
    details: { record },
  });
}
