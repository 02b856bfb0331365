/** Segments are Kafka's: its own dump tool reads and checks them, and says of each record what our reader says. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RecordCursor, readBatchHeader } from '../../src/event/record-batch.ts';
import { readVarint } from '../../src/event/varint.ts';
import { nodeDisk } from '../../src/lib/disk.ts';
import { offset } from '../../src/queue/port.ts';
import { openTestLog } from '../../src/queue/segment-log/test-log.ts';
import { batchOf, type TestRecord } from '../../src/queue/test-records.ts';
import { kafkaIsInstalled, kafkaTool } from '../../tools/engines/kafka.ts';
import { lacks } from '../support/needs.ts';

const GOLDEN = join(import.meta.dirname, '../golden/queue-v1');
const LONG_MS = 300_000;
const RECORDS = 3_000;
const START_MS = 1_764_000_000_000;

interface DumpedBatch {
  readonly file: string;
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly count: number;
  readonly epoch: number;
  readonly position: number;
  readonly maxTimestampMs: number;
  readonly sizeBytes: number;
  readonly compression: string;
  readonly crc: number;
}

interface DumpedRecord {
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: string | undefined;
  readonly headerKeys: readonly string[];
  readonly value: string;
}

interface Dump {
  readonly batches: DumpedBatch[];
  readonly records: DumpedRecord[];
  /** What the tool found wrong. */
  readonly complaints: string[];
}

const BATCH =
  /^baseOffset: (\d+) lastOffset: (\d+) count: (\d+) .*partitionLeaderEpoch: (\d+) .*position: (\d+) CreateTime: (\d+) size: (\d+) magic: 2 compresscodec: (\w+) crc: (\d+) isvalid: (\w+)$/;
const RECORD =
  /^\| offset: (\d+) CreateTime: (\d+) keySize: (-?\d+) valueSize: (\d+) sequence: -1 headerKeys: \[(.*?)\](?: key: (\w*))? payload: (.*)$/;

async function kafkaSays(files: readonly string[]): Promise<Dump> {
  const args = ['--print-data-log', '--files', files.join(',')];
  const { stdout, stderr } = await kafkaTool('org.apache.kafka.tools.DumpLogSegments', args).catch((error: Error) => ({
    stdout: '',
    stderr: error.message,
  }));
  const dump: Dump = { batches: [], records: [], complaints: [] };
  let file = '';
  for (const line of stdout.split('\n').filter((text) => text !== '')) {
    const batch = BATCH.exec(line);
    const record = RECORD.exec(line);
    if (line.startsWith('Dumping ')) file = basename(line);
    else if (batch !== null) {
      const [baseOffset, lastOffset, count, epoch, position, maxTimestampMs, sizeBytes] = batch.slice(1).map(Number);
      dump.batches.push({
        ...{ file, baseOffset, lastOffset, count, epoch, position, maxTimestampMs, sizeBytes },
        compression: batch[8],
        crc: Number(batch[9]),
      } as DumpedBatch);
      if (batch[10] !== 'true') dump.complaints.push(line);
    } else if (record !== null) {
      dump.records.push({
        offset: Number(record[1]),
        timestampMs: Number(record[2]),
        key: record[3] === '-1' ? undefined : record[6],
        headerKeys: (record[5] ?? '').split(',').filter((key) => key !== ''),
        value: record[7] ?? '',
      });
    } else if (!line.startsWith('Log starting offset: ')) dump.complaints.push(line);
  }
  // A file that does not begin at 0 follows nothing, the tool says.
  const wrong = stderr
    .split('\n')
    .filter((text) => text !== '' && !/^Non-consecutive offsets|-1 is followed by/.test(text));
  dump.complaints.push(...wrong);
  return dump;
}

/** The same of our reader. */
async function weSay(directory: string, topic: string, partition: number): Promise<Dump> {
  const log = await openTestLog({ directory, disk: nodeDisk });
  const reader = log.elsewhere(log.marks, true).openReader({ topic, partition });
  const dump: Dump = { batches: [], records: [], complaints: [] };
  for (let next = offset(0); ; ) {
    const read = await reader.read(next);
    if (read.nextOffset === next) break;
    next = read.nextOffset;
    for (const { bytes } of read.batches) dump.records.push(...recordsOf(bytes));
  }
  await reader.close();
  await log.close();
  return dump;
}

function recordsOf(batch: Buffer): DumpedRecord[] {
  const records: DumpedRecord[] = [];
  const cursor = new RecordCursor(batch);
  while (cursor.next()) {
    records.push({
      offset: cursor.offset,
      timestampMs: cursor.timestampMs,
      key: cursor.key()?.toString(),
      headerKeys: headerKeysOf(cursor),
      value: cursor.value().toString(),
    });
  }
  return records;
}

function headerKeysOf({ bytes, headersStart }: RecordCursor): string[] {
  const at = { at: headersStart };
  return Array.from({ length: readVarint(bytes, at) }, () => {
    const keyLength = readVarint(bytes, at);
    const key = bytes.toString('utf8', at.at, at.at + keyLength);
    at.at += keyLength;
    const valueLength = readVarint(bytes, at);
    at.at += Math.max(0, valueLength);
    return key;
  });
}

/** The headers of the batches as they stand in the files. */
async function batchesIn(files: readonly string[]): Promise<DumpedBatch[]> {
  const batches: DumpedBatch[] = [];
  for (const file of files) {
    const bytes = await readFile(file);
    for (let position = 0; position < bytes.length; ) {
      const header = readBatchHeader(bytes, position);
      if (header === undefined) throw new Error(`${file} has no batch at ${position}`);
      const { baseOffset, recordCount, epoch, maxTimestampMs, sizeBytes, compression } = header;
      batches.push({
        ...{ file: basename(file), baseOffset, lastOffset: baseOffset + recordCount - 1, count: recordCount },
        ...{ epoch, position, maxTimestampMs, sizeBytes, compression, crc: bytes.readUInt32BE(position + 17) },
      });
      position += sizeBytes;
    }
  }
  return batches;
}

async function segmentsIn(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names
    .filter((name) => name.endsWith('.log'))
    .sort()
    .map((name) => join(folder, name));
}

/** Everything that a batch may have: keys and none, headers and none, empty values, times out of order. */
const sample = (i: number): TestRecord => ({
  value: i % 97 === 0 ? '' : `record ${i} ${'é'.repeat(i % 50)}`,
  timestampMs: START_MS + i * 7 - (i % 3) * 1_000,
  ...(i % 4 === 0 ? { key: `k${i}` } : {}),
  headers: Array.from({ length: i % 3 }, (_, n) => [`h${n}`, Buffer.from(`${i}`)] as const),
});

const needs = {
  programs: { java: 'openjdk-17-jre-headless' },
  ...((await kafkaIsInstalled()) ? {} : { long: 'it installs Kafka by Maven first' }),
};

describe.skipIf(lacks('segments under the dump tool of Kafka', needs))('the dump tool of Kafka', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'spillway-dump-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it.each([
    ['raw', 0],
    ['events', 1],
  ] as const)(
    'reads the segments of %s that are kept of the first format as our reader does',
    async (topic, partition) => {
      const files = await segmentsIn(join(GOLDEN, topic, String(partition)));
      const theirs = await kafkaSays(files);
      expect(theirs.complaints).toEqual([]);
      expect(theirs.batches).toEqual(await batchesIn(files));
      // Our reader writes nothing, but a queue that is opened may.
      await cp(GOLDEN, join(directory, 'queue'), { recursive: true });
      expect(theirs.records).toEqual((await weSay(join(directory, 'queue'), topic, partition)).records);
      expect(theirs.records.length).toBeGreaterThan(0);
    },
    LONG_MS,
  );

  it.each([
    ['raw', 'none'],
    ['events', 'zstd'],
  ] as const)(
    'reads what was just written to %s over several segments and owners, compression %s, as our reader does',
    async (topic, compression) => {
      const queue = join(directory, 'queue');
      const log = await openTestLog({ directory: queue, disk: nodeDisk, segmentBytes: 16_384 });
      for (let from = 0; from < RECORDS; ) {
        const writer = await log.queue.openWriter({ topic, partition: 0 });
        for (const end = Math.min(from + RECORDS / 2, RECORDS); from < end; ) {
          const to = Math.min(end, from + 1 + (from % 40));
          const batch = Array.from({ length: to - from }, (_, i) => sample(from + i));
          await writer.append(batchOf(batch, compression));
          from = to;
        }
        await log.reopen();
      }
      await log.close();
      const files = await segmentsIn(join(queue, topic, '0'));
      const theirs = await kafkaSays(files);
      expect(theirs.complaints).toEqual([]);
      expect(files.length).toBeGreaterThan(3);
      expect(theirs.batches).toEqual(await batchesIn(files));
      expect(new Set(theirs.batches.map((batch) => batch.compression))).toEqual(new Set([compression]));
      expect(theirs.records).toHaveLength(RECORDS);
      expect(theirs.records).toEqual((await weSay(queue, topic, 0)).records);
      expect(theirs.records.map(({ timestampMs, value }) => ({ timestampMs, value }))).toEqual(
        Array.from({ length: RECORDS }, (_, i) => sample(i)).map(({ timestampMs, value }) => ({ timestampMs, value })),
      );
    },
    LONG_MS,
  );

  it(
    'complains of a copy with one byte changed, and of one that was cut',
    async () => {
      const [segment = ''] = await segmentsIn(join(GOLDEN, 'raw/0'));
      const whole = await readFile(segment);
      const copies = ['changed', 'cut'].map((name) => join(directory, `0000000000000000000${name.length}.log`));
      const [changed = '', cut = ''] = copies;
      const bytes = Buffer.from(whole);
      bytes[whole.length - 1] = (bytes[whole.length - 1] ?? 0) ^ 1;
      await writeFile(changed, bytes);
      await writeFile(cut, whole.subarray(0, whole.length - 3));
      expect((await kafkaSays([changed])).complaints).not.toEqual([]);
      expect((await kafkaSays([cut])).complaints).not.toEqual([]);
      expect((await kafkaSays([segment])).complaints).toEqual([]);
    },
    LONG_MS,
  );
});
