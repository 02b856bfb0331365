import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, it } from 'vitest';
import { createBrowserGuard } from './browser-guard.ts';

const guard = createBrowserGuard(['logs.example.com', '10.1.2.3']);
const check = (headers: IncomingHttpHeaders) => () => guard.check(headers);

describe('a web page', () => {
  it.each([
    ...[
      'localhost:7514',
      '127.0.0.1:7514',
      '[::1]:7514',
      'LOCALHOST',
      'console.localhost:7514',
      '10.1.2.3',
      '192.0.2.1:7514',
    ],
    ...['logs.example.com', 'Logs.Example.com:443'],
  ])('of our own may ask by the name %s', (host) => {
    expect(check({ host })).not.toThrow();
    expect(check({ host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' })).not.toThrow();
  });

  it.each([
    ...['evil.example:7514', 'localhost.evil.example', 'logs.example.com.evil.example', '127.0.0.1.evil.example', ''],
    ...['localhost:7514/x', 'localhost@evil.example', 'evil.example#localhost', '[::1', 'local host'],
  ])('that was rebound to this machine by the name %j may not', (host) => {
    expect(check({ host })).toThrow(/not a name of this server/);
    expect(check({ host, origin: `http://${host}` })).toThrow(/not a name of this server/);
  });

  it('without a Host header may not', () => {
    expect(check({})).toThrow(/not a name of this server/);
  });

  it.each(['http://evil.example', 'null', 'http://localhost', 'http://localhost:9999', 'file://', 'garbage', ''])(
    'of the origin %j may not ask',
    (origin) => {
      expect(check({ host: 'localhost:7514', origin })).toThrow(/another origin/);
      expect(check({ host: 'localhost:7514', origin, authorization: 'Bearer x' })).toThrow(/another origin/);
    },
  );

  it.each(['cross-site', 'same-site'])('that says it is %s may not ask, but may link here', (site) => {
    const headers = { host: 'localhost:7514', 'sec-fetch-site': site };
    expect(check({ ...headers, 'sec-fetch-mode': 'no-cors' })).toThrow(/another origin/);
    expect(check({ ...headers, 'sec-fetch-mode': 'navigate' })).not.toThrow();
  });

  it('cannot post a form here', () => {
    const headers = { host: 'localhost:7514', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
    expect(check({ ...headers, origin: 'http://evil.example' })).toThrow(/another origin/);
  });
});

describe('a program with a token', () => {
  it('may call this server what it likes', () => {
    expect(check({ host: 'collector.internal:7514', authorization: 'Bearer x' })).not.toThrow();
    expect(check({ authorization: 'Bearer x' })).not.toThrow();
  });
});
