import { afterEach, expect, it } from 'vitest';
import { type Fixture, startCollector } from './collector.fixture.ts';

let fixture: Fixture | undefined;
afterEach(async () => {
  await fixture?.stop();
  await fixture?.remove();
  fixture = undefined;
});

it('answers after NDJSON is durable, with the broken lines named', async () => {
  fixture = await startCollector();
  const response = await fetch(`${fixture.url}/api/logs?app=cart`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: '{"a":1}\n{broken\n {"b": [2]} \r\n',
  });
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ accepted: 2, deadLettered: 1, errors: [{ line: 2 }] });
  expect((await fixture.records()).map(({ text }) => text)).toEqual(['{"a":1}', ' {"b": [2]} ']);
  expect((await fixture.letters()).map(({ bytes }) => bytes.toString())).toEqual(['{broken']);
});
