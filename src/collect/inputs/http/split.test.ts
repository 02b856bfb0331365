import { describe, expect, it } from 'vitest';
import { COLLECT_LIMITS } from '../../../lib/limits.ts';
import type { Ranges } from './ranges.ts';
import { type BodyFormat, causeOfRefusal, split } from './split.ts';

function found(text: string | Buffer, format: BodyFormat) {
  const body = Buffer.from(text);
  const work = split(body, format);
  for (;;) {
    const step = work.next();
    if (step.done !== true) continue;
    const { records, refused, errors } = step.value;
    return { records: texts(body, records), refused: texts(body, refused), errors };
  }
}

const texts = (body: Buffer, ranges: Ranges): string[] =>
  Array.from({ length: ranges.length }, (_, i) => body.toString('utf8', ranges.start(i), ranges.end(i)));

describe('text', () => {
  it('is a record a line, without its line end, whatever is in it', () => {
    expect(found('a\r\n\n{"b"\n \0\nlast', 'text').records).toEqual(['a', '{"b"', ' \0', 'last']);
  });

  it('has messages up to the limit, and refuses one byte more', () => {
    const longest = 'x'.repeat(COLLECT_LIMITS.messageBytes);
    expect(found(`${longest}\n${longest}y\nz`, 'text')).toMatchObject({
      records: [longest, 'z'],
      refused: [`${longest}y`],
      errors: [{ line: 2, code: 'MESSAGE_TOO_LARGE' }],
    });
  });
});

describe('NDJSON', () => {
  it('is a record a line, as it was sent, of any kind of value', () => {
    expect(found('{"a": 1}\r\n\n [2] \n"x"\n3', 'ndjson').records).toEqual(['{"a": 1}', ' [2] ', '"x"', '3']);
  });

  it('refuses a broken line by its number, and takes the others', () => {
    const { records, refused, errors } = found('{"a":1}\n{"b":\n\n{"c":3}\n{"d":4}x\n', 'ndjson');
    expect(records).toEqual(['{"a":1}', '{"c":3}']);
    expect(refused).toEqual(['{"b":', '{"d":4}x']);
    expect(errors.map(({ line, code }) => [line, code])).toEqual([
      [2, 'JSON_INVALID'],
      [5, 'JSON_INVALID'],
    ]);
  });

  it('refuses a line that is not UTF-8', () => {
    const body = Buffer.concat([Buffer.from('{"a":"é"}\n{"b":"'), Buffer.from([0xe9]), Buffer.from('"}\n')]);
    expect(found(body, 'ndjson')).toMatchObject({ records: ['{"a":"é"}'], errors: [{ line: 2 }] });
  });

  it('passes over a byte order mark', () => {
    expect(found('\ufeff{"a":1}\n{"b":2}', 'ndjson').records).toEqual(['{"a":1}', '{"b":2}']);
  });

  it('may begin with a line that is an array', () => {
    expect(found('[1]\n{"a":2}', 'ndjson').records).toEqual(['[1]', '{"a":2}']);
  });
});

describe('JSON', () => {
  it('is one object, over several lines', () => {
    expect(found('{\n "a": 1\n}\n', 'json').records).toEqual(['{\n "a": 1\n}']);
  });

  it('is several objects, one after the other or one a line', () => {
    expect(found('{"a":1}{"b":2} {\n"c":3}', 'json').records).toEqual(['{"a":1}', '{"b":2}', '{\n"c":3}']);
    expect(found('{"a":1}\n{"b":2}\n', 'json').records).toEqual(['{"a":1}', '{"b":2}']);
  });

  it('is taken by lines from where it is broken', () => {
    const { records, refused, errors } = found('{"a"\n{"b":2}\n', 'json');
    expect([records, refused, errors[0]?.line]).toEqual([['{"b":2}'], ['{"a"'], 1]);
  });

  it('is an array, of which each element is a record as it was sent', () => {
    expect(found(' [ {"a" : [1, {}]} ,"x,]",\n3 ] \n', 'json').records).toEqual(['{"a" : [1, {}]}', '"x,]"', '3']);
    expect(found('[]', 'json')).toEqual({ records: [], refused: [], errors: [] });
  });

  it('refuses a broken element by its number, and takes the others', () => {
    const { records, refused, errors } = found('[{"a":1}, {"b":tru}, {"c":3} x, [4]]', 'json');
    expect(records).toEqual(['{"a":1}', '[4]']);
    expect(refused).toEqual(['{"b":tru}', '{"c":3} x']);
    expect(errors.map(({ element }) => element)).toEqual([1, 2]);
  });

  it('names an empty element, and an array that does not end or is followed by something', () => {
    expect(found('[1,,2]', 'json')).toMatchObject({ records: ['1', '2'], refused: [], errors: [{ element: 1 }] });
    expect(found('[1,2,]', 'json')).toMatchObject({ records: ['1', '2'], errors: [{ element: 2 }] });
    expect(found('[1,{"a":', 'json')).toMatchObject({ records: ['1'], refused: ['{"a":'] });
    expect(found('[1', 'json')).toMatchObject({ records: ['1'], errors: [{ code: 'JSON_INVALID' }] });
    expect(found('[1] {"a":2}', 'json')).toMatchObject({ records: ['1'], refused: ['{"a":2}'] });
  });

  it('names the first problems only', () => {
    const { refused, errors } = found('[x'.concat(',x'.repeat(COLLECT_LIMITS.errorsPerAnswer), ']'), 'json');
    expect([refused.length, errors.length]).toEqual([
      COLLECT_LIMITS.errorsPerAnswer + 1,
      COLLECT_LIMITS.errorsPerAnswer,
    ]);
  });

  it('has records up to the limit of a message', () => {
    const longest = `"${'x'.repeat(COLLECT_LIMITS.messageBytes - 2)}"`;
    expect(found(`[${longest},"x${longest.slice(1)}]`, 'json')).toMatchObject({
      records: [longest],
      errors: [{ element: 1, code: 'MESSAGE_TOO_LARGE' }],
    });
  });
});

it.each([
  ['of many lines', '{"a":1}\n'.repeat(200_000), 'ndjson'],
  ['of one long element', `[{"a":"${'x'.repeat(1_600_000)}"},2]`, 'json'],
] as const)('lets others go on while it splits a long body %s', (_, text, format) => {
  let turns = 0;
  for (const work = split(Buffer.from(text), format); work.next().done !== true; ) turns++;
  expect(turns).toBeGreaterThanOrEqual(3);
});

it('takes what follows an element that is too long, with brackets and quotes in it', () => {
  const long = `{"a":"${'],\\"'.repeat(300_000)}","b":[[1],{}]}`;
  expect(found(`[1, ${long} ,{"c":2}]`, 'json')).toMatchObject({
    records: ['1', '{"c":2}'],
    refused: [long],
    errors: [{ element: 1, code: 'MESSAGE_TOO_LARGE' }],
  });
});

it('refuses more records than a request may have', () => {
  const body = Buffer.from('x\n'.repeat(COLLECT_LIMITS.httpRecords + 1));
  expect(found(body.subarray(0, -2), 'text').records).toHaveLength(COLLECT_LIMITS.httpRecords);
  expect(() => found(body, 'text')).toThrowError(expect.objectContaining({ code: 'BODY_TOO_LARGE' }));
});

it('says of each refused range why', () => {
  const body = Buffer.from('{"b":tru}');
  expect(causeOfRefusal(body, 0, body.length, 'json')).toEqual({
    code: 'JSON_INVALID',
    reason: 'It is not JSON: expected a value, at byte 5.',
  });
});
