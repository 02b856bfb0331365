import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SpillwayError } from '../../../lib/errors.ts';
import { TOPIC_LIMITS } from '../../../lib/limits.ts';
import { parseRecords, type RecordFormat } from './records.ts';

const parse = (body: string | Buffer, format: RecordFormat = 'json') => parseRecords(Buffer.from(body), format);
const values = (body: string | Buffer, format: RecordFormat = 'json') =>
  parse(body, format).map(({ value }) => value.toString());

function refusal(body: string | Buffer, format: RecordFormat = 'json'): SpillwayError {
  try {
    parse(body, format);
  } catch (thrown) {
    if (thrown instanceof SpillwayError) return thrown;
    throw thrown;
  }
  throw new Error(`was taken: ${body.toString().slice(0, 100)}`);
}

describe('a body', () => {
  it('is one record, an array of them, or an object that has them', () => {
    expect(values(' {"value": 1} ')).toEqual(['1']);
    expect(values('[{"value":1} , {"value":"2"}]')).toEqual(['1', '"2"']);
    expect(values('{"records":[{"value":null}]}')).toEqual(['null']);
    expect(values('{"value":1}\r\n\n{"value":[2]}\n', 'ndjson')).toEqual(['1', '[2]']);
    expect(values('one\r\ntwo\n\nthree', 'text')).toEqual(['one', 'two', 'three']);
    expect(parse(Buffer.from([0xff, 0x0a, 0]), 'bytes')[0]?.value).toEqual(Buffer.from([0xff, 0x0a, 0]));
  });

  it('is kept byte for byte where it is JSON, whatever a parser would make of it', () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom('', ' ', '\n\t'), (json, space) => {
        expect(values(`[{"key":"k",${space}"value":${space}${json}${space}},{"value":${json}}]`)).toEqual([json, json]);
      }),
    );
    const odd = '{"a":1,"a":2,"__proto__":{"x":1},"2":1,"1":2,"n":1e400,"m":-0.0,"s":"\\ud800"}';
    expect(values(`{"value":${odd}}`)).toEqual([odd]);
  });

  it('has keys, headers, partitions and other encodings', () => {
    const body = {
      records: [
        { key: 'é', value: 'aé\n', encoding: 'text', headers: { a: '1', b: '' }, partition: 3 },
        { key: null, value: '/wD+', encoding: 'base64', headers: null, partition: null },
      ],
    };
    expect(parse(JSON.stringify(body))).toEqual([
      {
        key: Buffer.from('é'),
        value: Buffer.from('aé\n'),
        headers: [
          ['a', Buffer.from('1')],
          ['b', Buffer.alloc(0)],
        ],
        partition: 3,
      },
      { key: undefined, value: Buffer.from([0xff, 0, 0xfe]), headers: [], partition: undefined },
    ]);
  });
});

describe('what cannot be kept as it was sent is refused as a whole', () => {
  it.each([
    ['[{"value":1},{"value":1,"offset":2}]', 1],
    ['[{"value":1},{}]', 1],
    ['[{"value":1},2]', 1],
    ['[{"value":1},{"value":}]', 1],
    ['[{"value":1} {"value":1}]', 0],
    ['{"value":1,"value":2}', 0],
    ['{"value":1,"key":7}', 0],
    ['{"value":1,"key":"\\ud800"}', 0],
    ['{"value":"\\udfff","encoding":"text"}', 0],
    ['{"value":7,"encoding":"text"}', 0],
    ['{"value":"abc","encoding":"base64"}', 0],
    ['{"value":"ab=c","encoding":"base64"}', 0],
    ['{"value":"","encoding":"hex"}', 0],
    ['{"value":1,"headers":["a"]}', 0],
    ['{"value":1,"headers":{"a":1}}', 0],
    ['{"value":1,"headers":{"spillway-idempotency":"x"}}', 0],
    ['{"value":1,"partition":-1}', 0],
    ['{"value":1,"partition":"0"}', 0],
    ['"text"', 0],
  ])('%s', (body, record) => {
    expect(refusal(body)).toMatchObject({ code: 'RECORD_INVALID', details: { record } });
  });

  it.each([
    ['[]', 'json'],
    ['{"records":[]}', 'json'],
    ['{"value":1} {"value":2}', 'json'],
    ['{"records":[{"value":1}],"more":1}', 'json'],
    ['\n\n', 'text'],
    [Buffer.from('{"value":"\xff"}', 'latin1'), 'json'],
  ] as const)('%s as %s', (body, format) => {
    expect(refusal(body, format).code).toBe('BAD_REQUEST');
  });

  it('a line of NDJSON with two records, and one that is broken', () => {
    expect(refusal('{"value":1}{"value":2}\n', 'ndjson')).toMatchObject({ code: 'RECORD_INVALID' });
    expect(refusal('{"value":1}\n{"value":\n', 'ndjson')).toMatchObject({ details: { record: 1 } });
  });
});

describe('limits', () => {
  const { recordBytes, requestRecords, keyBytes, headers, headersBytes } = TOPIC_LIMITS;
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`h${i}`, '']));

  it('of the bytes of a record', () => {
    expect(parse(Buffer.alloc(recordBytes, 'x'), 'bytes')[0]?.value).toHaveLength(recordBytes);
    expect(refusal(Buffer.alloc(recordBytes + 1, 'x'), 'bytes').code).toBe('MESSAGE_TOO_LARGE');
    const value = 'x'.repeat(recordBytes - 3);
    expect(parse(JSON.stringify({ key: 'abc', value, encoding: 'text' }))).toHaveLength(1);
    expect(refusal(JSON.stringify({ key: 'abcd', value, encoding: 'text' })).code).toBe('MESSAGE_TOO_LARGE');
  });

  it('of the records of a request', () => {
    expect(parse('x\n'.repeat(requestRecords), 'text')).toHaveLength(requestRecords);
    expect(refusal('x\n'.repeat(requestRecords + 1), 'text').code).toBe('BODY_TOO_LARGE');
  });

  it('of keys and headers', () => {
    expect(parse(JSON.stringify({ value: 1, key: 'k'.repeat(keyBytes) }))).toHaveLength(1);
    expect(refusal(JSON.stringify({ value: 1, key: 'k'.repeat(keyBytes + 1) })).code).toBe('RECORD_INVALID');
    expect(parse(JSON.stringify({ value: 1, headers: many(headers) }))).toHaveLength(1);
    expect(refusal(JSON.stringify({ value: 1, headers: many(headers + 1) })).code).toBe('RECORD_INVALID');
    expect(parse(JSON.stringify({ value: 1, headers: { h: 'x'.repeat(headersBytes - 1) } }))).toHaveLength(1);
    expect(refusal(JSON.stringify({ value: 1, headers: { h: 'x'.repeat(headersBytes) } })).code).toBe('RECORD_INVALID');
  });
});
