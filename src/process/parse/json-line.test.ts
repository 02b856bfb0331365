import { describe, expect, it } from 'vitest';
import { EVENT_LIMITS, PROCESS_LIMITS } from '../../lib/limits.ts';
import { parse, parseWith, RECEIVED, rebuilds, recordOf } from '../testing/parse.ts';
import { createTopology } from '../topology.ts';

process.env.TZ = 'UTC';

const TYPICAL =
  '{"_time":"2026-11-22T05:59:58.953Z","_msg":"answered 200","host":"wrk-02","app":"gateway","team":"core","level":"warn","status":200,"path":"/v1/push","duration_ms":46.0,"request_id":"6703b6365380b904"}';

function read(sent: string) {
  const event = parse(sent, 'json');
  expect(rebuilds(event, sent)).toBe(true);
  return event;
}

describe('a JSON line', () => {
  it('is laid out by the names of its members, and needs no original', () => {
    const event = read(TYPICAL);
    expect(event).toMatchObject({
      timestamp: Date.UTC(2026, 10, 22, 5, 59, 58, 953),
      ...{ type: 'log', source: 'gateway:wrk-02', level: 'warn', message: 'answered 200' },
      metadata: { host: 'wrk-02', app: 'gateway', team: 'core' },
      payload: { status: 200, path: '/v1/push', duration_ms: 46, request_id: '6703b6365380b904' },
    });
    expect(event.original).toBeUndefined();
    expect(event.exact).toBeUndefined();
  });

  it.each(['message', 'msg', '_msg', 'log'])('has its message in %s', (name) => {
    expect(read(`{"${name}":"hello"}`).message).toBe('hello');
  });

  it.each([
    ['timestamp', '"2026-11-23T19:42:54Z"'],
    ['@timestamp', '"2026-11-23T20:42:54+01:00"'],
    ['_time', '"2026-11-23 19:42:54"'],
    ['time', '1795462974000'],
    ['ts', '1795462974'],
    ['ts', '1795462974.000'],
    ['ts', '1795462974000000'],
    ['ts', '1795462974000000000'],
  ])('has its time in %s: %s', (name, value) => {
    const event = read(`{"${name}":${value},"message":"m"}`);
    expect(new Date(event.timestamp).toISOString()).toBe('2026-11-23T19:42:54.000Z');
    expect(event.original).toBeUndefined();
  });

  it('keeps a time that is none, and a duration, as payload', () => {
    expect(read('{"time":"soon","msg":"m"}')).toMatchObject({ timestamp: RECEIVED, payload: { time: 'soon' } });
    expect(read('{"time":0.25,"msg":"m"}')).toMatchObject({ timestamp: RECEIVED, payload: { time: 0.25 } });
    expect(read('{"timestamp":0,"msg":"m"}').timestamp).toBe(0);
  });

  it.each([
    ['"WARNING"', 'warn', 'WARNING'],
    ['"error"', 'error', undefined],
    ['"notice"', 'info', 'notice'],
    ['"critical"', 'fatal', 'critical'],
    ['30', 'info', 30],
    ['"banana"', undefined, 'banana'],
  ])('has the level of %s and keeps the given word', (given, level, word) => {
    const event = read(`{"level":${given},"msg":"m"}`);
    expect([event.level, event.metadata.level]).toEqual([level, word]);
  });

  it('takes service for app and hostname for host, unless those are there', () => {
    expect(read('{"service":"s","hostname":"h","msg":"m"}').metadata).toEqual({ app: 's', host: 'h' });
    expect(read('{"service":"s","app":"a","msg":"m"}').metadata).toEqual({ app: 'a', service: 's' });
  });

  it('lets the line win over what the request said, and fills the rest', () => {
    const said = { team: 'T', app: 'A', host: 'H' };
    expect(parse('{"app":"a","msg":"m"}', 'json', said).metadata).toEqual({ team: 'T', app: 'a', host: 'H' });
  });

  it('puts type, source, tags, metadata and payload in their place', () => {
    const sent =
      '{"type":"t","source":"s","tags":["x","y"],"metadata":{"k":1,"host":"h"},"payload":{"a":true},"msg":"m"}';
    expect(read(sent)).toMatchObject({
      ...{ type: 't', source: 's', tags: ['x', 'y'], metadata: { k: 1, host: 'h' }, payload: { a: true } },
    });
  });

  it('has its own text as message where it has none', () => {
    expect(read('{"a":1}')).toMatchObject({ message: '{"a":1}', payload: { a: 1 } });
  });

  it.each(['[1,2]', '"text"', '7', '{"a":', 'not JSON at all'])('is a text where it is no object: %s', (sent) => {
    expect(read(sent)).toMatchObject({ message: sent, payload: {} });
  });

  it.each([
    ['Python writes', '{"msg": "caf\\u00e9", "n": [1, 2], "ok": true}'],
    ['Go writes', '{"level":"info","ts":1795462974.123,"caller":"a.go:7","msg":"m","err":{"code":5}}'],
    ['pino writes', '{"level":30,"time":1795462974123,"pid":1,"hostname":"h","msg":"m"}'],
    ['Docker writes', '{"log":"ready\\n","stream":"stdout","time":"2026-11-23T19:42:54.123456789Z"}'],
    ['ECS has it', '{"@timestamp":"2026-11-23T19:42:54.123Z","log.level":"info","message":"m","ecs.version":"8.11"}'],
  ])('is rebuilt without its original as %s it', (_, sent) => {
    expect(read(sent).original).toBeUndefined();
  });

  it('is read the same along a shape seen before, whatever number forms follow', () => {
    const topology = createTopology();
    for (const value of ['46.0', '46.5', '46', '4.60', '"x"', 'true', '1e3', 'null', '46.0']) {
      const sent = TYPICAL.replace('46.0', value);
      const event = parseWith(topology, recordOf(sent, 'json'));
      expect(rebuilds(event, sent)).toBe(true);
      expect(event.payload).toEqual(read(sent).payload);
    }
  });
});

describe('the normaliser', () => {
  const payloadOf = (members: string) => read(`{"msg":"m",${members}}`);

  it.each([
    ['a repeated key: the last one counts', '"a":1,"a":2', { a: 2 }],
    ['null, {} and []', '"a":null,"b":{},"c":[],"d":[{}],"e":1', { e: 1 }],
    ['keys with dots', '"a.b":1,"a.c":2', { a: { b: 1, c: 2 } }],
    ['a dot below a value', '"a":1,"a.b":2', { a: 1, a_b: 2 }],
    ['a key that is only dots', '"..":1,"":2', { _: 1, __2: 2 }],
    ['mixed arrays', '"a":[1,"x",null,{"b":1}]', { a: ['1', 'x', '{"b":1}'] }],
    ['arrays in arrays', '"a":[[1],[2,3]]', { a: ['[1]', '[2,3]'] }],
    ['2^53 and one past it', '"a":9007199254740992,"b":9007199254740993', { a: 2 ** 53, b: '9007199254740993' }],
    ['10^308 and past it', '"a":1e308,"b":1e309', { a: '1e308', b: '1e309' }],
    ['30 digits', '"a":123456789012345678901234567890', { a: '123456789012345678901234567890' }],
    ['a lone surrogate', '"a":"\\ud800"', { a: '\ufffd' }],
    ['NUL', '"a":"\\u0000"', { a: '\0' }],
  ])('mends %s', (_, members, payload) => {
    const event = payloadOf(members);
    expect(event.payload).toEqual(payload);
  });

  it('gives each of very many keys that clash a name of its own', () => {
    const members = Array.from({ length: EVENT_LIMITS.members }, (_, i) => `"a${'.'.repeat(i)}":${i}`);
    const startMs = performance.now();
    expect(Object.keys(payloadOf(members.join(',')).payload).length).toBe(EVENT_LIMITS.members);
    // Names tried one by one for each key would take a hundred times as long.
    expect(performance.now() - startMs).toBeLessThan(5_000);
  });

  it('keeps __proto__ as a member like others', () => {
    const event = payloadOf('"__proto__":{"polluted":1}');
    expect(Object.getOwnPropertyDescriptor(event.payload, '__proto__')?.value).toEqual({ polluted: 1 });
    expect({}).not.toHaveProperty('polluted');
  });

  it('keeps the payload as it was sent only where it changed it', () => {
    expect(payloadOf('"a":null,"b":1.0').exact).toBe('{"a":null,"b":1.0}');
    expect(payloadOf('"a":1,"a":2').exact).toBe('{"a":1,"a":2}');
    expect(payloadOf('"b":1.0,"c":"x","d":[1,2],"e":{"f":true}').exact).toBeUndefined();
  });

  it('nests to the limit and keeps deeper parts as their text', () => {
    const nested = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
    const levels = EVENT_LIMITS.depth;
    // The line itself is the first level.
    const atLimit = read(nested(levels));
    expect(JSON.stringify(atLimit.payload)).toBe(nested(levels));
    expect(atLimit.exact).toBeUndefined();
    const past = read(nested(levels + 1));
    expect(JSON.stringify(past.payload)).toContain('"{\\"a\\":1}"');
    expect(past.exact).toBe(nested(levels + 1));
  });

  it('stands 2,000 and a million levels', () => {
    for (const levels of [2_000, 400_000]) {
      const sent = `{"msg":"deep","a":${'['.repeat(levels)}${']'.repeat(levels)}}`;
      const event = read(sent);
      expect(event.message).toBe('deep');
      expect(event.exact).toBeUndefined();
    }
  });

  it('takes as many members as an event may have; the rest is in the original', () => {
    const line = (count: number): string =>
      `{"msg":"m",${Array.from({ length: count }, (_, i) => `"k${i}":${i}`).join(',')}}`;
    expect(Object.keys(read(line(EVENT_LIMITS.members)).payload).length).toBe(EVENT_LIMITS.members);
    const past = read(line(EVENT_LIMITS.members + 1));
    expect(Object.keys(past.payload).length).toBe(EVENT_LIMITS.members);
    expect(past.original).toContain(`"k${EVENT_LIMITS.members}"`);
  });

  it('cuts a key past the limit', () => {
    const longest = 'é'.repeat(EVENT_LIMITS.keyBytes / 2);
    expect(Object.keys(payloadOf(`"${longest}":1`).payload)).toEqual([longest]);
    expect(Object.keys(payloadOf(`"${longest}é":1`).payload)).toEqual([longest]);
  });

  it('takes as many tags as an event may have, none too long', () => {
    const tags = Array.from({ length: EVENT_LIMITS.tags + 1 }, (_, i) => `t${i}`);
    expect(payloadOf(`"tags":${JSON.stringify(tags.slice(1))}`).tags?.length).toBe(EVENT_LIMITS.tags);
    expect(payloadOf(`"tags":${JSON.stringify(tags)}`).tags?.length).toBe(EVENT_LIMITS.tags);
    const long = 'x'.repeat(EVENT_LIMITS.tagBytes);
    expect(payloadOf(`"tags":["${long}","${long}x"]`).tags).toEqual([long]);
  });
});

describe('layouts', () => {
  it('are few: shapes past the limit keep their original', () => {
    const topology = createTopology();
    let originals = 0;
    for (let i = 0; i < PROCESS_LIMITS.layouts + 10; i++) {
      const sent = `{"msg":"m","key${i}":1}`;
      const event = parseWith(topology, recordOf(sent, 'json'));
      expect(rebuilds(event, sent)).toBe(true);
      if (event.original !== undefined) originals++;
    }
    expect(originals).toBe(10);
  });

  it('are short: a line with very many keys keeps its original', () => {
    const sent = JSON.stringify(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`member${i}`, i])));
    const line = `{"msg":"m",${sent.slice(1)}`;
    expect(read(line).original).toBe(line);
  });
});
