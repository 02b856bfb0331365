/** What a role says of brokers that do not answer. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { LastingTrouble } from '../../lib/lasting-trouble.ts';
import { BrokerWatch } from './broker-watch.ts';
import { type BrokerAddress, printAddress } from './options.ts';

const LIMITS = { watchMs: 2, awayAfterMs: 20 };
const START = Date.UTC(2026, 10, 26);

function watched() {
  const still = new Set<string>();
  const away = new Set<string>();
  const said: string[] = [];
  const all = ['a', 'b', 'c'].map((host) => ({ host, port: 9092 }));
  const cluster = {
    brokers: all.map(printAddress).join(', '),
    brokerAddresses: all,
    ended: new AbortController().signal,
    askOnce: (async ({ host }: BrokerAddress) => {
      if (away.has(host)) throw new Error('nobody there');
      if (still.has(host)) await new Promise(() => {});
    }) as never,
  };
  const log = {
    warn: ({ reason }: { reason: string }) => said.push(reason),
    info: (_: object, text: string) => said.push(text),
  };
  const trouble = new LastingTrouble({ log: log as never, text: 'away', over: 'all answer again' });
  const clock = { nowMs: START, now: () => clock.nowMs };
  const watch = new BrokerWatch({ cluster, clock, trouble, limits: LIMITS });
  /** Resolves when it says that. */
  const says = (expected: readonly unknown[]) => vi.waitFor(() => expect(watch.troubles()).toEqual(expected));
  return { still, away, said, cluster, clock, watch, says };
}

it('brokers that refuse or stand still are named, with since when, and it is said once that they are back', async () => {
  const { still, away, said, clock, watch, says } = watched();
  clock.nowMs += 100;
  away.add('b');
  still.add('c');
  const looked = clock.nowMs;
  const one = expect.stringMatching(/^Of the 3 brokers .*: b:9092, c:9092, since 2026-11-26T00:00:00\.100Z/);
  await vi.waitFor(() => {
    clock.nowMs = looked + LIMITS.awayAfterMs;
    const later = watch.troubles();
    clock.nowMs = looked;
    expect(later).toEqual([one]);
  });
  // It may pass yet.
  expect(watch.troubles()).toEqual([]);
  clock.nowMs = looked + LIMITS.awayAfterMs;
  await vi.waitFor(() => expect(said).toEqual([one]));
  away.add('a');
  await vi.waitFor(() => {
    clock.nowMs += LIMITS.awayAfterMs;
    expect(watch.troubles()).toEqual([
      expect.stringMatching(/^Kafka does not answer, none of its brokers \(b:9092, c:9092, a:9092\) since .*\.100Z/),
    ]);
  });
  away.clear();
  still.clear();
  await says([]);
  await vi.waitFor(() => expect(said).toEqual([one, 'all answer again']));
  watch.close();
});

it('where none is known any more the configured ones are named', async () => {
  const { cluster, clock, watch } = watched();
  cluster.brokerAddresses = [];
  await vi.waitFor(() => {
    clock.nowMs += LIMITS.awayAfterMs;
    expect(watch.troubles()).toEqual([expect.stringContaining('(a:9092, b:9092, c:9092)')]);
  });
  watch.close();
});

it('a process that stands still itself does not say so of brokers that have answered', async () => {
  const { cluster, clock, watch } = watched();
  let looks = 0;
  cluster.askOnce = (async ({ host }: BrokerAddress) => {
    // When it has begun to wait.
    await nextTurn();
    if (host === 'a' && looks++ === 0) standStill(3 * LIMITS.awayAfterMs);
    // The answer is there, and read when it goes on.
    await nextTurn();
  }) as never;
  const said: (readonly string[])[] = [];
  await vi.waitFor(() => {
    clock.nowMs += LIMITS.awayAfterMs;
    said.push(watch.troubles());
    expect(looks).toBeGreaterThan(3);
  });
  expect(said.flat()).toEqual([]);
  watch.close();
});

function standStill(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}
