import { afterEach, describe, expect, it } from 'vitest';
import { EVENT_LIMITS } from '../../lib/limits.ts';
import { parse, RECEIVED, rebuilds } from '../testing/parse.ts';

process.env.TZ = 'UTC';
afterEach(() => {
  process.env.TZ = 'UTC';
});

const timeOf = (text: string): string => new Date(parse(text, 'text').timestamp).toISOString();

describe('a line of text', () => {
  it.each([
    ['[Sun Dec 04 04:47:44 2005] [notice] ready', '2005-12-04T04:47:44.000Z', 'info'],
    ['081109 203615 148 INFO dfs.Node: done', '2008-11-09T20:36:15.000Z', 'info'],
    ['2015-07-29 17:41:44,747 - WARN  [x] - late', '2015-07-29T17:41:44.747Z', 'warn'],
    ['[10.30 16:49:06] chrome.exe - open', '2026-10-30T16:49:06.000Z', undefined],
    ['2026/11/23 19:42:54 [error] 7#7: *1 open() failed', '2026-11-23T19:42:54.000Z', 'error'],
    ['ERROR 2026-11-23T19:42:54.5Z boom', '2026-11-23T19:42:54.500Z', 'error'],
    ['Nov 23 19:42:54 combo sshd[19939]: check pass', '2026-11-23T19:42:54.000Z', undefined],
    ['ts=2026-11-23T19:42:54Z level=debug msg="x y"', '2026-11-23T19:42:54.000Z', 'debug'],
    ['10.0.0.1 - - [23/Nov/2026:19:42:54 +0100] "GET / HTTP/1.0" 200 5', '2026-11-23T18:42:54.000Z', undefined],
    ['{"time":"2026-11-23T19:42:54Z","level":"fatal","a":1}', '2026-11-23T19:42:54.000Z', 'fatal'],
    ['no time in here', new Date(RECEIVED).toISOString(), undefined],
  ])('stays whole as the message and says when and how bad: %s', (text, time, level) => {
    const event = parse(text, 'text');
    expect(event.message).toBe(text);
    expect([new Date(event.timestamp).toISOString(), event.level]).toEqual([time, level]);
    expect(rebuilds(event, text)).toBe(true);
  });

  it('names host and app where it came out of a file of syslog', () => {
    const { source, metadata } = parse('Nov 23 19:42:54 combo sshd[19939]: check pass', 'text');
    expect([source, metadata]).toEqual(['sshd:combo', { host: 'combo', app: 'sshd', procid: '19939' }]);
  });

  it('gives its pairs to the payload, numbers as numbers', () => {
    const { payload, metadata } = parse('level=info app=shop msg="two words" status=200 took=1.50 v="a\\"b"', 'text');
    expect(payload).toEqual({ msg: 'two words', status: 200, took: '1.50', v: 'a"b' });
    expect(metadata.app).toBe('shop');
  });

  it('takes the last value of a repeated key', () => {
    expect(parse('a=1 b=2 a=3', 'text').payload).toEqual({ a: 3, b: 2 });
  });

  it('gives as many pairs as an event may have members', () => {
    const text = (count: number): string => Array.from({ length: count }, (_, i) => `k${i}=v`).join(' ');
    const keys = (count: number): number => Object.keys(parse(text(count), 'text').payload).length;
    expect(keys(EVENT_LIMITS.members)).toBe(EVENT_LIMITS.members);
    expect(keys(EVENT_LIMITS.members + 1)).toBe(EVENT_LIMITS.members);
  });

  it.each(['a=1', 'total is a=1 b=2', 'x = 1', 'https://h/?a=1&b=2'])('is no list of pairs: %s', (text) => {
    expect(parse(text, 'text').payload).toEqual({});
  });

  it('reads the time of this machine where none names its zone, unless only UTC is near', () => {
    process.env.TZ = 'Europe/Berlin';
    // Received at 19:45 UTC, 20:45 in Berlin.
    expect(timeOf('2026-11-23 20:44:00 here')).toBe('2026-11-23T19:44:00.000Z');
    expect(timeOf('2026-11-23 19:44:00 in UTC')).toBe('2026-11-23T19:44:00.000Z');
    expect(timeOf('2026-11-20 12:00:00 long ago')).toBe('2026-11-20T11:00:00.000Z');
    const syslog = '<13>Nov 23 20:44:00 h a: here';
    expect(rebuilds(parse(syslog, 'syslog'), syslog)).toBe(true);
  });
});
