import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AnsweredEvent } from '../event/event.ts';
import { Output } from './output.ts';
import { CSV_HEADER, showEvent } from './show-events.ts';
import { visible } from './table.ts';

const output = new Output(
  new PassThrough() as unknown as NodeJS.WriteStream,
  new PassThrough() as unknown as NodeJS.WriteStream,
);
const event: AnsweredEvent = {
  id: 'local.raw.0.1.0',
  tenant: 'default',
  timestamp: '2026-11-23T10:00:00.000Z',
  received: '2026-11-23T10:00:00.100Z',
  type: 'log',
  source: 'shop:web-1',
  level: 'error',
  message: 'disk full',
  tags: [],
  metadata: { app: 'shop' },
  payload: { status: 500, disk: { name: 'sda 1' } },
};

describe('for people', () => {
  test('a line has time, level, source, message and the other fields', () => {
    expect(showEvent(event, 'table', output)).toMatch(
      /error {2}shop:web-1 {2}disk full {2}status=500 disk\.name="sda 1"\n$/,
    );
  });

  test('whatever a sender wrote cannot steer the terminal or break the line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (message, name) => {
        const line = showEvent({ ...event, message, source: name, payload: { [name]: message } }, 'table', output);
        const [first = '', ...others] = line.slice(0, -1).split('\n');
        for (const other of others) expect(other.startsWith('    ')).toBe(true);
        expect([first, ...others].join('').replaceAll('\t', '')).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
      }),
    );
  });

  test('an escape sequence is shown, not obeyed', () => {
    expect(visible('\u001b[31mred\u0007')).toBe('\\x1b[31mred\\x07');
    expect(visible('a\nb')).toBe('a\\x0ab');
  });
});

test('for programs a line is the event as the API answers it', () => {
  expect(JSON.parse(showEvent(event, 'ndjson', output))).toEqual(event);
});

test('CSV gives every cell back, with commas, quotes and line breaks (RFC 4180)', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r', ' ') }), (message) => {
      const cells = parseCsvLine(showEvent({ ...event, message }, 'csv', output));
      expect(cells).toHaveLength(CSV_HEADER.trim().split(',').length);
      expect(cells[5]).toBe(message);
      expect(JSON.parse(cells[8] ?? '')).toEqual(event.payload);
    }),
  );
});

function parseCsvLine(line: string): string[] {
  const cells = [...line.slice(0, -2).matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",\r\n]*))/g)];
  return cells.map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '');
}
