import { describe, expect, it } from 'vitest';
import { parse, RECEIVED, rebuilds } from '../testing/parse.ts';

process.env.TZ = 'UTC';

/** The event, without what every event has; it must give back what was sent and keep no original. */
function read(sent: string) {
  const event = parse(sent, 'syslog');
  expect(rebuilds(event, sent)).toBe(true);
  expect(event.original).toBeUndefined();
  const { timestamp, source, level, message, metadata, payload } = event;
  return { time: new Date(timestamp).toISOString(), source, level, message, metadata, payload };
}

describe('RFC 5424', () => {
  it('fills the event from header, structured data and message', () => {
    const line =
      '<165>1 2026-11-23T19:42:54.003Z web1 shop 8710 ID47 [ex@32473 iut="3" source="App \\"x\\"" v="1.10"][more@1 class="high"] Paid';
    expect(read(line)).toEqual({
      time: '2026-11-23T19:42:54.003Z',
      source: 'shop:web1',
      level: 'info',
      message: 'Paid',
      metadata: { app: 'shop', host: 'web1', facility: 20, severity: 5, procid: '8710', msgid: 'ID47' },
      payload: { iut: 3, source: 'App "x"', v: '1.10', class: 'high' },
    });
  });

  it('takes NILVALUE everywhere: the time is the receipt, the host the sender', () => {
    const { time, metadata, message } = read('<0>1 - - - - - -');
    expect(time).toBe(new Date(RECEIVED).toISOString());
    expect(metadata).toEqual({ host: '192.0.2.7', facility: 0, severity: 0 });
    expect(message).toBeUndefined();
  });

  it('takes away the byte order mark of the message', () => {
    expect(read('<34>1 2026-11-23T19:42:54Z h su - ID47 - \ufeffit’s me').message).toBe('it’s me');
  });

  it('puts a name that two elements share under their SD-IDs, and a repeated one in an array', () => {
    expect(read('<13>1 - h a - - [x@1 n="1"][y@2 n="2"]').payload).toEqual({ 'x@1': { n: 1 }, 'y@2': { n: 2 } });
    expect(read('<13>1 - h a - - [x@1 ip="1" ip="2"]').payload).toEqual({ ip: [1, 2] });
  });

  it('nests names with dots', () => {
    expect(read('<13>1 - h a - - [x@1 a.b="1" a.c="x"]').payload).toEqual({ a: { b: 1, c: 'x' } });
  });

  it.each([
    ['structured data is missing', '<13>1 2026-11-23T19:42:54Z h a 1 m hello', 'hello'],
    ['structured data is broken', '<13>1 2026-11-23T19:42:54Z h a 1 m [x y] hello', '[x y] hello'],
    ['a value does not end', '<13>1 - h a 1 m [x y="1] hello', '[x y="1] hello'],
    ['the message follows without a space', '<13>1 - h a 1 m [x y="1"]hello', '[x y="1"]hello'],
  ])('keeps the rest as the message where %s', (_, line, message) => {
    expect(read(line)).toMatchObject({ message, metadata: { app: 'a', host: 'h', procid: '1', msgid: 'm' } });
  });

  it('keeps microseconds and offsets', () => {
    const { time, metadata } = read('<13>1 2026-11-23T19:42:54.123456+01:00 h a - - - x');
    expect([time, metadata.sub_ms]).toEqual(['2026-11-23T18:42:54.123Z', '456']);
  });

  it('takes the receipt for a time before 1970, and keeps the original', () => {
    const event = parse('<13>1 1969-12-31T23:59:59Z h a - - - x', 'syslog');
    expect(event).toMatchObject({ timestamp: RECEIVED, message: 'x', metadata: { host: 'h' } });
    expect(event.original).toContain('1969');
  });

  it('takes the PRI up to 191 and none above', () => {
    expect(read('<191>1 - h a - - - x').metadata).toMatchObject({ facility: 23, severity: 7 });
    expect(read('<192>1 - h a - - - x')).toMatchObject({
      message: '<192>1 - h a - - - x',
      metadata: { host: '192.0.2.7' },
    });
  });
});

describe('RFC 3164 and what devices make of it', () => {
  it.each([
    ['<34>Oct 11 22:14:15 mymachine su: failed', 'su:mymachine', 'failed', '2026-10-11T22:14:15.000Z'],
    ['<13>Feb  5 17:32:18 10.0.0.99 Use the BFG!', '10.0.0.99', 'Use the BFG!', '2026-02-05T17:32:18.000Z'],
    ['<13>Feb 05 17:32:18 h a: zero', 'a:h', 'zero', '2026-02-05T17:32:18.000Z'],
    ['<13>Feb 5 17:32:18 h a: bare', 'a:h', 'bare', '2026-02-05T17:32:18.000Z'],
    [
      '<86>Nov 23 19:42:54 combo sshd(pam_unix)[19939]: check',
      'sshd(pam_unix):combo',
      'check',
      '2026-11-23T19:42:54.000Z',
    ],
    ['<13>Nov 23 19:42:54 cron[12]: no host', 'cron:192.0.2.7', 'no host', '2026-11-23T19:42:54.000Z'],
    ['<13>Nov 23 19:42:54 h -- MARK --', 'h', '-- MARK --', '2026-11-23T19:42:54.000Z'],
    ['<13>Nov 23 19:42:54.250 h a: ms', 'a:h', 'ms', '2026-11-23T19:42:54.250Z'],
    ['Nov 23 19:42:54 h a[1]: no PRI', 'a:h', 'no PRI', '2026-11-23T19:42:54.000Z'],
    ['<13>2026-11-23T19:42:54.123456+01:00 h a[1]: iso', 'a:h', 'iso', '2026-11-23T18:42:54.123Z'],
    ['<14>tag: no time', 'tag:192.0.2.7', 'no time', '2026-11-23T19:45:00.000Z'],
    ['<14>just text', '192.0.2.7', 'just text', '2026-11-23T19:45:00.000Z'],
    ['nothing of it', '192.0.2.7', 'nothing of it', '2026-11-23T19:45:00.000Z'],
    ['<13>Nov 23 19:42:54 h a:b: 10:20', 'h', 'a:b: 10:20', '2026-11-23T19:42:54.000Z'],
    ['<13>Nov 23 19:42:54 h Foo::Bar[7]: colons', 'Foo::Bar:h', 'colons', '2026-11-23T19:42:54.000Z'],
    ['<13>Nov 23 19:42:54 fe80::1 a: six', 'a:fe80::1', 'six', '2026-11-23T19:42:54.000Z'],
    ['', '192.0.2.7', '', '2026-11-23T19:45:00.000Z'],
  ])('reads %s', (line, source, message, time) => {
    expect(read(line)).toMatchObject({ source, message, time });
  });

  it.each([
    ['<189>123: r1: *Mar  1 18:46:11.123 UTC: %SYS-5-CONFIG_I: Configured', 'SYS', 'r1', '2026-03-01T18:46:11.123Z'],
    ['<166>Nov 23 2026 19:42:54 asa1 : %ASA-6-302013: Built', 'ASA', 'asa1', '2026-11-23T19:42:54.000Z'],
    ['<166>%ASA-6-302013: Built', 'ASA', '192.0.2.7', '2026-11-23T19:45:00.000Z'],
  ])('names app and msgid of Cisco: %s', (line, app, host, time) => {
    const event = read(line);
    expect(event).toMatchObject({ time, metadata: { app, host } });
    expect(event.metadata.msgid).toMatch(/^%(SYS-5-CONFIG_I|ASA-6-302013)$/);
  });
});

describe('what a syslog message holds', () => {
  it('takes an access log of nginx apart and keeps the line', () => {
    const line = '203.0.113.9 - ann [23/Nov/2026:19:42:54 +0000] "GET /a?b=c HTTP/1.1" 404 615 "-" "curl/8.5"';
    expect(read(`<190>Nov 23 19:42:54 web nginx: ${line}`)).toMatchObject({
      message: line,
      level: 'info',
      payload: {
        ...{ remote_addr: '203.0.113.9', remote_user: 'ann', method: 'GET', path: '/a?b=c', protocol: 'HTTP/1.1' },
        ...{ status: 404, bytes: 615, user_agent: 'curl/8.5' },
      },
    });
  });

  it('takes pairs and JSON apart, and lets structured data win', () => {
    expect(read('<13>Nov 23 19:42:54 h a: user=bob n=5').payload).toEqual({ user: 'bob', n: 5 });
    expect(read('<13>1 - h a - - [x n="1"] n=2 user=bob').payload).toEqual({ n: 1, user: 'bob' });
    expect(read('<13>Nov 23 19:42:54 h a: @cee: {"user":"bob"}').payload).toEqual({ user: 'bob' });
  });
});

describe('bytes that are not text', () => {
  it('are kept as the original, and the rest is readable', () => {
    const sent = Buffer.concat([Buffer.from('<13>1 - h a - - - caf'), Buffer.from([0xe9, 0x00])]);
    const event = parse(sent, 'syslog');
    expect(event.message).toBe('caf\ufffd\0');
    expect(event.original).toMatch(/^base64:/);
    expect(rebuilds(event, sent)).toBe(true);
  });

  it('are told from a text that begins as they are marked', () => {
    const sent = 'base64:aGk=\n<13>1 1960-01-01T00:00:00Z';
    expect(rebuilds(parse(sent, 'syslog'), sent)).toBe(true);
  });
});
