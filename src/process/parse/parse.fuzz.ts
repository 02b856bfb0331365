import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readJson } from '../normalise/json-reader.ts';
import { complaints, parse, parseWith, rebuilds, recordOf } from '../testing/parse.ts';
import { createTopology } from '../topology.ts';

process.env.TZ = 'UTC';

const FORMATS = ['syslog', 'json', 'text'] as const;
const format = fc.constantFrom(...FORMATS);
const word = fc.stringMatching(/^[a-z0-9_.@-]{1,12}$/);
const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), word);

/** Something like each format, and broken at any place. */
const stamp = fc.constantFrom(
  '2026-11-23T19:42:54.123Z',
  '2026-11-23T19:42:54.123456+01:00',
  '2026-11-23 19:42:54,747',
  'Nov 23 19:42:54',
  'Nov  3 19:42:54',
  'Nov 3 19:42:54.5',
  'Nov 23 2026 19:42:54',
  '1969-01-01T00:00:00Z',
  '-',
  '1795463110.345',
);
const param = fc.tuple(word, anyText).map(([name, value]) => ` ${name}="${value.replace(/["\\\]]/g, '\\$&')}"`);
const element = fc.tuple(word, fc.array(param, { maxLength: 5 })).map(([id, params]) => `[${id}${params.join('')}]`);
const syslog5424 = fc
  .tuple(fc.nat({ max: 200 }), stamp, word, word, word, word, fc.array(element, { maxLength: 3 }), anyText)
  .map(([pri, time, host, app, procid, msgid, elements, message]) =>
    [`<${pri}>1`, time, host, app, procid, msgid, elements.join('') || '-', message].join(' '),
  );
const syslog3164 = fc
  .tuple(fc.constantFrom('', '<13>', '<191>', '<0013>'), stamp, fc.constantFrom('', 'web '), word, fc.nat(), anyText)
  .map(([pri, time, host, app, pid, message]) => `${pri}${time} ${host}${app}[${pid}]: ${message}`);
const key = fc.oneof(
  word,
  fc.constantFrom('message', 'msg', 'time', 'timestamp', 'ts', 'level', 'lvl', 'app', 'service', 'host', 'hostname'),
  fc.constantFrom('team', 'type', 'source', 'tags', 'metadata', 'payload', 'a.b', '__proto__', '', 'sub_ms', '7'),
  anyText,
);
const leaf = fc.oneof(anyText, fc.double({ noNaN: true }), fc.integer(), fc.boolean(), fc.constant(null), stamp);
const json = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, leaf, fc.array(tie('value'), { maxLength: 4 }), tie('object')),
  object: fc.array(fc.tuple(key, tie('value')), { maxLength: 8 }).map((members) => Object.fromEntries(members)),
}));
const spaced = fc
  .tuple(json.object, fc.constantFrom(0, 0, 0, 1))
  .map(([value, space]) => JSON.stringify(value, undefined, space));
const timeKey = fc.constantFrom('_time', '@timestamp', 'ts', 'time');
const levelKey = fc.constantFrom('level', 'severity', 'lvl');
const levelJson = fc.constantFrom('"info"', '"WARN"', '30', '"odd"');
/** A line as applications write it: flat, and in the same few shapes. */
const flat = fc
  .tuple(timeKey, stamp, levelKey, levelJson, anyText, fc.double({ noNaN: true }))
  .map(([time, at, level, word, message, n]) => {
    const number = Math.abs(n) < 1e21 ? n.toFixed(2) : '1e400';
    return `{"${time}":"${at}","msg":${JSON.stringify(message)},"${level}":${word},"n":${number}}`;
  });
const pairs = fc
  .array(fc.tuple(word, anyText), { maxLength: 6 })
  .map((all) => all.map(([k, v]) => `${k}="${v}"`).join(' '));
const access = fc
  .tuple(fc.ipV4(), anyText, fc.nat(999))
  .map(([ip, path, status]) => `${ip} - - [23/Nov/2026:19:42:54 +0000] "GET ${path} HTTP/1.1" ${status} 12 "-" "x"`);
const likely = fc.oneof(syslog5424, syslog3164, spaced, flat, pairs, access, anyText);
const broken = fc
  .tuple(likely, fc.nat(), fc.nat({ max: 4 }), anyText)
  .map(
    ([text, at, cut, put]) => text.slice(0, at % (text.length + 1)) + put + text.slice((at % (text.length + 1)) + cut),
  );
const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
const anything = fc.oneof(
  likely.map((t) => Buffer.from(t)),
  broken.map((t) => Buffer.from(t)),
  bytes,
);

describe('whatever is sent', () => {
  it('becomes an event that every engine accepts and that gives back every byte', () => {
    fc.assert(
      fc.property(anything, format, (sent, as) => {
        const event = parse(sent, as);
        expect(complaints(event)).toEqual([]);
        expect(rebuilds(event, sent)).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });

  it('becomes the same event from a parser that has seen other records, and the same ones, before', () => {
    const topology = createTopology();
    fc.assert(
      fc.property(anything, format, (sent, as) => {
        const record = recordOf(sent, as);
        const fresh = parse(sent, as);
        const first = parseWith(topology, record);
        const again = parseWith(topology, record);
        const { layout: _, original: __, ...event } = first;
        expect(again).toEqual(first);
        expect(fresh).toMatchObject(event);
        expect(rebuilds(again, sent)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('reading JSON', () => {
  it('takes what JSON.parse takes and nothing else', () => {
    const text = fc.oneof(spaced, broken, anyText, fc.json());
    fc.assert(
      fc.property(text, (sent) => {
        const expected = tryParse(sent);
        expect(readJson(sent) !== undefined).toBe(expected);
      }),
      { numRuns: 3_000 },
    );
  });
});

function tryParse(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
