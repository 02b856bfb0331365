/**
 * The least that one would write to keep records over HTTP: a server of Node.js whose POST parses each line as JSON, appends
 * the body to a file, and answers when that is fdatasynced (requests that come meanwhile share the next sync); whose GET
 * reads on from a position. No partitions, keys, groups, limits or recovery. Sends {port} over IPC.
 *
 * Options: --directory D
 */
import { open } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const READ_BYTES = 1024 * 1024;

const { values } = parseArgs({ options: { directory: { type: 'string', default: '' } } });
const file = await open(join(values.directory, 'bare'), 'a+');
let end = 0;
let waiting: { readonly body: Buffer; readonly done: (start: number) => void }[] = [];
let isWriting = false;

async function write(): Promise<void> {
  if (isWriting) return;
  isWriting = true;
  while (waiting.length > 0) {
    const group = waiting;
    waiting = [];
    await file.writev(group.map(({ body }) => body));
    await file.datasync();
    for (const { body, done } of group) {
      done(end);
      end += body.length;
    }
  }
  isWriting = false;
}

async function read(from: number, limit: number): Promise<{ records: unknown[]; next: number }> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(READ_BYTES), 0, READ_BYTES, from);
  const records: unknown[] = [];
  let at = 0;
  for (let stop = buffer.indexOf(10); stop >= 0 && stop < bytesRead && records.length < limit; ) {
    records.push(JSON.parse(buffer.toString('utf8', at, stop)));
    at = stop + 1;
    stop = buffer.indexOf(10, at);
  }
  return { records, next: from + at };
}

const server = createServer((request, response) => {
  const answer = (body: unknown) => response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
  if (request.method === 'GET') {
    const { searchParams } = new URL(request.url ?? '', 'http://bare');
    void read(Number(searchParams.get('from')), Number(searchParams.get('limit'))).then(answer);
    return;
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks);
    const records = body.toString('utf8').trimEnd().split('\n');
    for (const record of records) JSON.parse(record);
    waiting.push({ body, done: (start) => answer({ records: records.map((_, i) => ({ position: start + i })) }) });
    void write();
  });
});
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.on('disconnect', () => process.exit(0));
