import { describe, expect, it } from 'vitest';
import { SpillwayError } from '../lib/errors.ts';
import { parseWith, rebuilds, recordOf } from './testing/parse.ts';
import { createTopology } from './topology.ts';

const refusal = (config: readonly unknown[]): string => {
  try {
    createTopology(config);
  } catch (thrown) {
    if (thrown instanceof SpillwayError && thrown.code === 'CONFIG_INVALID') return thrown.message;
    throw thrown;
  }
  return 'accepted';
};

describe('a topology', () => {
  it.each([
    [[{ stage: 'filtr', when: 'a', drop: true }], 'Did you mean filter?'],
    [[{ when: 'a' }], 'there is no stage'],
    [[7], 'there is no stage'],
    [[{ stage: 'filter', drop: true }], 'topology.0 (filter)'],
    [[{ stage: 'filter', when: 'a', drop: false }], 'topology.0 (filter)/drop'],
    [[{ stage: 'filter', when: 'a', drop: true, extra: 1 }], 'topology.0 (filter)'],
    [[{ stage: 'filter', when: 'a AND (', drop: true }], 'The query of filter 1 cannot be used'],
    [[{ stage: 'redact', what: [] }], 'topology.0 (redact)'],
    [
      [
        { stage: 'redact', what: ['card'] },
        { stage: 'redact', what: ['iban'] },
      ],
      'topology.1 (redact)',
    ],
    [[{ stage: 'redact', what: ['card'] }, { stage: 'parse' }], '`parse` can only be the first stage'],
  ])('is refused as a whole, naming what is wrong: %j', (config, message) => {
    expect(refusal(config)).toContain(message);
  });

  it('parses everything where it says nothing, and what it says otherwise', () => {
    const text = '2026-11-23 19:42:54 ERROR user=1';
    expect(parseWith(createTopology(), recordOf(text, 'text')).level).toBe('error');
    const quiet = createTopology([{ stage: 'parse', detect: [] }]);
    expect(parseWith(quiet, recordOf(text, 'text')).level).toBeUndefined();
  });
});

describe('filter', () => {
  it('drops what its query matches, under its name', () => {
    const topology = createTopology([
      { stage: 'filter', when: 'app:lb AND message:"I am alive"', drop: true },
      { stage: 'filter', when: 'status:200', drop: true, name: 'fine' },
    ]);
    expect(topology.run(recordOf('{"app":"lb","msg":"I am alive"}', 'json'))).toEqual({ rule: 'filter 1' });
    expect(topology.run(recordOf('{"app":"db","msg":"I am alive","status":200}', 'json'))).toEqual({ rule: 'fine' });
    expect(parseWith(topology, recordOf('{"app":"db","msg":"I am alive"}', 'json')).message).toBe('I am alive');
  });
});

describe('redact', () => {
  const topology = createTopology([{ stage: 'redact', what: ['card', 'email'] }]);
  const redacted = (sent: string, format: 'json' | 'text' = 'json') => parseWith(topology, recordOf(sent, format));

  it('takes card numbers and addresses out of message, values, keys and numbers', () => {
    const event = redacted(
      '{"msg":"paid by ann@example.com with 4111 1111 1111 1111","user":"bob@example.com","n":4111111111111111,"x@example.com":{"a":["y@example.com"]}}',
    );
    expect(event.message).toBe('paid by [email] with [card]');
    expect(JSON.stringify(event)).not.toMatch(/example\.com|4111/);
    expect(event.payload).toMatchObject({ user: '[email]', n: '[card]' });
  });

  it('leaves numbers alone whose check digit is wrong, and ids', () => {
    const sent = '{"msg":"order 4111 1111 1111 1112","id":"1234567890123456"}';
    const event = redacted(sent);
    expect(event.message).toContain('4111 1111 1111 1112');
    expect(rebuilds(event, sent)).toBe(true);
  });

  it('leaves nothing in the original and exact texts, escaped or not', () => {
    for (const address of ['ann@example.com', 'ann\\u0040example.com']) {
      const event = redacted(`{"msg":"m","a":"${address}","a":null,  "b":"${address}"}`);
      expect(JSON.stringify(event)).not.toMatch(/example/);
    }
  });

  it('takes them out of bytes that are not text', () => {
    const bytes = Buffer.concat([Buffer.from('ann@example.com '), Buffer.from([0xff])]);
    const event = parseWith(topology, recordOf(bytes, 'text'));
    const original = Buffer.from((event.original ?? '').replace('base64:', ''), 'base64');
    expect(original.toString('latin1')).toBe('[email] \xff');
  });

  it('does not touch other events', () => {
    const plain = createTopology();
    const sent = '{"msg":"nothing to see","n":1}';
    expect(topology.run(recordOf(sent, 'json'))).toBe(plain.run(recordOf(sent, 'json')));
  });
});
