import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SpillwayError } from '../../../lib/errors.ts';
import { TOPIC_LIMITS } from '../../../lib/limits.ts';
import { produceQuery } from './produce-query.ts';
import { parseRecords, type RecordFormat } from './records.ts';

const parse = (body: string | Buffer, format: RecordFormat = 'json') => parseRecords(Buffer.from(body), format);
const values = (body: string | Buffer, format: RecordFormat = 'json') =>
  parse(body, format).map(({ value }) => value?.toString() ?? null);

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
    expect(values('{"records":[{"value":[null]}]}')).toEqual(['[null]']);
    expect(values('{"value":1}\r\n\n{"value":[2]}\n', 'ndjson')).toEqual(['1', '[2]']);
    expect(values('one\r\ntwo\n\nthree', 'text')).toEqual(['one', 'two', 'three']);
    expect(parse(Buffer.from([0xff, 0x0a, 0]), 'bytes')[0]?.value).toEqual(Buffer.from([0xff, 0x0a, 0]));
  });

  it('is kept byte for byte where it is JSON, whatever a parser would make of it', () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom('', ' ', '\n\t'), (json, space) => {
        const kept = json === 'null' ? null : json;
        expect(values(`[{"key":"k",${space}"value":${space}${json}${space}},{"value":${json}}]`)).toEqual([kept, kept]);
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

describe('a record', () => {
  it('without a value is null, in whatever encoding, which is neither an empty value nor the text of it', () => {
    const body = `[{"value":null},{"value":null,"encoding":"text"},{"value": null ,"encoding":"base64"},
      {"value":"","encoding":"text"},{"value":"","encoding":"base64"},{"value":"null","encoding":"text"},{"value":"null"}]`;
    expect(values(body)).toEqual([null, null, null, '', '', 'null', '"null"']);
  });

  it('has a key of text, of bytes, or of any JSON', () => {
    const keys = (body: string) => parse(body).map(({ key }) => key?.toString('latin1'));
    const body = `[{"value":1,"key":"gP8=","keyEncoding":"base64"},{"value":1,"key":"gP8="},{"value":1,"key":"","keyEncoding":"text"},
      {"value":1,"key":{"id": 1.0},"keyEncoding":"json"},{"value":1,"key":"a","keyEncoding":"json"},{"value":1,"key":null,"keyEncoding":"json"}]`;
    expect(keys(body)).toEqual(['\x80\xff', 'gP8=', '', '{"id": 1.0}', '"a"', undefined]);
  });

  it('is filled in from the address, where a key may be bytes too', () => {
    const key = (query: object) => produceQuery(query).key?.toString('latin1');
    expect(key({ key: 'gP8=' })).toBe('gP8=');
    for (const text of ['-_8=', '-_8', '+/8=']) expect(key({ key: text, keyEncoding: 'base64' })).toBe('\xfb\xff');
    expect(produceQuery({ keyEncoding: 'base64', partition: '3' })).toEqual({ partition: 3 });
    for (const wrong of [
      { key: 'gP8=', keyEncoding: 'hex' },
      { key: 'a', keyEncoding: 'base64' },
      { key: ['a', 'b'] },
    ]) {
      expect(() => produceQuery(wrong)).toThrow(/parameter key/);
    }
  });
});

describe('headers', () => {
  it('are text, or bytes where their encoding says so', () => {
    const body = `{"value":1,"headers":{"a":"gP8=","b":"gP8=","c":"","__proto__":"gP8="},
      "headerEncodings":{"b":"base64","c":"text","__proto__":"base64"}}`;
    const found = parse(body)[0]?.headers.map(([name, bytes]) => [name, bytes.toString('latin1')]);
    const expected = [
      ['a', 'gP8='],
      ['b', '\x80\xff'],
      ['c', ''],
      ['__proto__', '\x80\xff'],
    ];
    expect(found).toEqual(expected);
    expect(parse('{"value":1,"headers":null,"headerEncodings":null}')[0]?.headers).toEqual([]);
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
    // Bits that no byte has would be lost.
    ['{"value":"/wF=","encoding":"base64"}', 0],
    ['{"value":"-_8=","encoding":"base64"}', 0],
    ['{"value":1,"key":"a","keyEncoding":"base64"}', 0],
    ['{"value":1,"key":"a","keyEncoding":"hex"}', 0],
    ['{"value":1,"key":7,"keyEncoding":"text"}', 0],
    ['{"value":1,"headers":["a"]}', 0],
    ['{"value":1,"headers":{"a":1}}', 0],
    ['{"value":1,"headers":{"spillway-idempotency":"x"}}', 0],
    ['{"value":1,"headers":{"a":"abc"},"headerEncodings":{"a":"base64"}}', 0],
    ['{"value":1,"headers":{"a":"1"},"headerEncodings":{"a":"json"}}', 0],
    ['{"value":1,"headers":{"a":"1"},"headerEncodings":["base64"]}', 0],
    ['{"value":1,"headers":{"a":"1"},"headerEncodings":{"b":"text"}}', 0],
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
