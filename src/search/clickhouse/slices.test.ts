import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { StoredEvent } from '../../event/event.ts';
import type { QueryNode } from '../../query/ast.ts';
import { HOUR_MS } from '../slices.ts';
import { sliceContract } from '../testing/slice-contract.ts';
import { openStoreKit } from '../testing/store-kit.ts';
import type { SqlBinder } from './binder.ts';
import { compileToSql } from './compile.ts';
import { count } from './read-aggregates.ts';
import { search } from './read-events.ts';
import type { Binder } from './schema.ts';

describe('slices of the embedded engine', { timeout: 120_000 }, () => {
  sliceContract({ open: openStoreKit });

  test('the engine opens no part of a slice that a question does not touch', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'spillway-slices-'));
    const noon = Date.parse('2026-11-23T12:00:00Z');
    let now = noon;
    const tiers = [
      { name: 'shared', hours: 24, own: false },
      { name: 'own', hours: 1, own: true },
    ];
    const indexer = { tiers, pinned: { shop: 'own', bank: 'own' }, retention: { days: 30, tenants: { longer: 90 } } };
    const kit = await openStoreKit({ directory, clock: { now: () => now }, indexer });
    await kit.startIndexer().started;
    let number = 0;
    for (let hour = 0; hour < 30; hour++) {
      now = noon + hour * HOUR_MS;
      const events = ['shop', 'bank', 'small', 'longer'].map(
        (tenant): StoredEvent => ({
          id: `local.raw.0.${number++}.0`,
          ...{ tenant, timestamp: now, received: now, type: 'log', source: 'a:b', metadata: {}, payload: {} },
        }),
      );
      await kit.append(0, events);
    }
    await kit.settled();
    const { engine } = kit;
    // 30 hours of two tenants, and two days each of the others, in two classes of retention.
    expect(await engine.writer.slices()).toHaveLength(64);
    const context = {
      slices: engine.slices.index,
      paths: engine.journal.paths,
      sortedRows: 1,
      compile: (query: QueryNode, binder: Binder) => compileToSql(query, binder),
      rebuild: () => undefined,
    };
    const table = async (sql: string, binder?: SqlBinder) => engine.table.run(sql, binder);
    /** Partitions of the parts that are left when partition keys have been looked at. */
    const opened = async (tenant: string, fromMs: number, toMs: number, ask: typeof count | typeof search) => {
      const query = { kind: 'all', span: { start: 0, end: 0 } } as const;
      const { signal } = new AbortController();
      const asked: string[] = [];
      const question = { tenant, query, fromMs, toMs, signal, limit: 10, order: 'desc' } as const;
      await ask(
        question,
        async (sql, binder) => {
          const plan = (await table(`EXPLAIN indexes = 1 ${sql}`, binder)).map(([line]) => String(line)).join('\n');
          asked.push(plan);
          return table(sql, binder);
        },
        context,
      );
      return asked.map((plan) => /Partition[\s\S]*?Parts: (\d+)\/(\d+)/.exec(plan)?.slice(1, 3).map(Number) ?? plan);
    };
    const parts = Number((await table("SELECT count() FROM system.parts WHERE table = 'events' AND active"))[0]?.[0]);
    expect(parts).toBeGreaterThanOrEqual(64);
    const at = noon + 3 * HOUR_MS;
    const partsOf = async (where: readonly string[]) => {
      const names = where.map((name) => `'${name}'`).join();
      const sql = `SELECT count() FROM system.parts WHERE table = 'events' AND active AND partition_id IN (${names})`;
      return Number((await table(sql))[0]?.[0]);
    };
    for (const ask of [count, search]) {
      for (const [tenant, hours, slices] of [
        ['shop', 1, 1],
        ['shop', 5, 5],
        ['small', 1, 1],
        ['longer', 24, 2],
      ] as const) {
        const range = [at, at + hours * HOUR_MS] as const;
        const names = await engine.slices.touched(tenant, ...range);
        expect(names).toHaveLength(slices);
        // Of all others not even the index of tenants and times is looked at.
        for (const [left] of await opened(tenant, ...range, ask)) expect(left).toBe(await partsOf(names));
      }
    }
    await kit.close();
    await rm(directory, { recursive: true, force: true });
  });
});
