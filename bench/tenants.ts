/**
 * What thousands of small tenants cost the store beside one: the same events, of 1, of 500 and of 5,000 tenants in turn, from the
 * queue into the embedded engine until all are committed. CPU of an event, slices, parts, memory and the bytes that the
 * store's journal takes for each event.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Bench, hundredths, type Measured, ROOT, say } from './harness.ts';
import type { TenantsCost } from './load/tenants-store.ts';

const execute = promisify(execFile);
const MANY = 5_000;
const TENANTS = [1, 500, MANY];
const MIB = 1024 ** 2;
const ATTEMPTS = 2;
/** Times the cost with one tenant that it may be with many. */
const FLAT = 1.25;

export const run: Bench = async ({ quick }) => {
  const events = quick ? 20_000 : 400_000;
  const costs = new Map<number, TenantsCost[]>(TENANTS.map((tenants) => [tenants, []]));
  for (let attempt = 0; attempt < (quick ? 1 : ATTEMPTS); attempt++) {
    for (const tenants of TENANTS) {
      const cost = await costOf(tenants, events);
      say(`${tenants} tenants: ${JSON.stringify(cost)}`);
      costs.get(tenants)?.push(cost);
    }
  }
  const least = (tenants: number, of: (cost: TenantsCost) => number) => Math.min(...(costs.get(tenants) ?? []).map(of));
  const cpuUs = (tenants: number) => (least(tenants, ({ cpuS }) => cpuS) / events) * 1e6;
  const row = (value: number, unit: string): Measured => ({ value: hundredths(value), unit });
  const rows = Object.fromEntries(
    TENANTS.flatMap((tenants) => [
      [`${tenants} tenants: CPU`, row(cpuUs(tenants), 'us/event')],
      [
        `${tenants} tenants: slices`,
        row(
          least(tenants, ({ slices }) => slices),
          'slices',
        ),
      ],
      [
        `${tenants} tenants: parts`,
        row(
          least(tenants, ({ parts }) => parts),
          'parts',
        ),
      ],
      [`${tenants} tenants: memory`, row(least(tenants, ({ pssBytes }) => pssBytes) / MIB, 'MiB')],
      [`${tenants} tenants: journal`, row(least(tenants, ({ journalBytes }) => journalBytes) / events, 'B/event')],
    ]),
  );
  return {
    ...row(cpuUs(MANY), 'us/event'),
    target: hundredths(cpuUs(1) * FLAT),
    peer: { name: 'one tenant, the same events', value: hundredths(cpuUs(1)) },
    ratio: hundredths(cpuUs(1) / cpuUs(MANY)),
    rows,
    notes: [
      'The least of each of two runs. Each of the 5,000 tenants has 80 events, and every insert has events of all, in turn: what it costs more is sorting them by tenant and packing what lies less alike in the engine, and looking up the tenant of each event.',
    ],
  };
};

async function costOf(tenants: number, events: number): Promise<TenantsCost> {
  const file = join(ROOT, 'bench/load/tenants-store.ts');
  const args = [file, '--tenants', String(tenants), '--events', String(events)];
  const { stdout } = await execute(process.execPath, args, { env: { ...process.env, UV_THREADPOOL_SIZE: '16' } });
  return JSON.parse(stdout);
}
