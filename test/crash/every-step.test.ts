/**
 * SIGKILL before and after each change of the disk that a role makes from its start until a few requests are found:
 * every write, fsync, create, rename, remove and truncate of the queue, its owners and offsets, of intents and catalogue.
 * Each request is repeated with its Idempotency-Key until it is answered, and must then be there exactly once.
 * SPILLWAY_TEST_CRASH_POINTS says how many points of each role are tried (`all` by hand), SPILLWAY_TEST_SEED which.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LedgerReport } from '../../src/api/schemas/index.ts';
import { Random } from '../../src/lib/random.ts';
import { type Failpoint, LISTED, STRUCK } from '../../src/roles/failpoint.ts';
import { lacks } from '../support/needs.ts';
import { SpillwayProcess, until } from '../support/spillway.ts';

const POINTS = process.env.SPILLWAY_TEST_CRASH_POINTS ?? '8';
const SEED = Number(process.env.SPILLWAY_TEST_SEED ?? Date.now() % 1_000_000);
const REQUESTS = 3;
/** For a start that is killed, and the next one. */
const REVIVE_MS = 120_000;
const START = { script: 'test/support/start-fast.ts' };

describe.skipIf(lacks('crashes at every step', { long: 'it kills roles some dozen times' }))(
  'a crash at any step',
  () => {
    let spillway: SpillwayProcess;
    let failpoint: string;
    let sent = 0;

    const start = async (folder?: string) => {
      spillway = await SpillwayProcess.start({
        ...START,
        ...(folder === undefined ? {} : { folder, env: env(folder) }),
      });
      return spillway;
    };
    const env = (folder: string) => ({ SPILLWAY_TEST_FAILPOINT: join(folder, 'failpoint') });

    beforeAll(async () => {
      const { folder } = await start();
      await spillway.stop();
      await start(folder);
      failpoint = join(folder, 'failpoint');
    });

    afterAll(() => spillway?.dispose());

    const count = async (q: string) =>
      (await spillway.json<{ count: number }>(`/api/count?q=${encodeURIComponent(q)}&from=now-1d&to=now%2B1d`)).count;

    async function sendAndFind(): Promise<void> {
      const words = Array.from({ length: REQUESTS }, () => `word${sent++}x`);
      for (const word of words) {
        await until(`${word} is accepted`, async () => {
          const headers = { 'content-type': 'application/json', 'idempotency-key': word };
          const answer = await fetch(`${spillway.url}/api/logs`, {
            method: 'POST',
            headers,
            body: `{"message":"${word}"}`,
          });
          return answer.status === 200;
        });
      }
      for (const word of words) await until(`${word} is found`, async () => (await count(word)) > 0);
    }

    /** Starts the role anew with the failpoint armed; the whole program where the supervisor is the role. */
    async function arm(point: Failpoint): Promise<void> {
      rmSync(failpoint + STRUCK, { force: true });
      writeFileSync(failpoint, JSON.stringify(point));
      const { role } = point;
      if (role === 'collector' || role === 'processor' || role === 'store') {
        await until(`the ${role} is killed`, async () => (await spillway.kill(role)) > 0);
        return;
      }
      await spillway.stop();
      await revive();
    }

    /** Starts the program again as often as the supervisor's failpoint kills it on its way. */
    async function revive(): Promise<void> {
      const starts = async () => {
        await start(spillway.folder);
        return true;
      };
      await until('the program starts', starts, REVIVE_MS);
    }

    /** Starts the program again whenever the supervisor's failpoint has killed it meanwhile. */
    async function sendAndFindThroughAll(): Promise<void> {
      const sending = sendAndFind().then(() => true);
      for (;;) {
        if (await Promise.race([sending, spillway.ended().then(() => false)])) return;
        await revive();
      }
    }

    async function listChanges(role: string): Promise<readonly string[]> {
      await arm({ role, at: 0, when: 'before' });
      await sendAndFind();
      rmSync(failpoint, { force: true });
      const changes = readFileSync(failpoint + LISTED, 'utf8')
        .trim()
        .split('\n');
      rmSync(failpoint + LISTED);
      return changes;
    }

    test.each(['collector', 'processor', 'store', 'supervisor'])(
      'of the %s loses nothing and repeats nothing',
      async (role) => {
        const changes = await listChanges(role);
        const kinds = Map.groupBy(changes, (change) => change.split(' ')[0]);
        console.info(
          `${role}: ${changes.length} changes: ${[...kinds].map(([kind, { length }]) => `${length} ${kind}`).join(', ')}`,
        );
        let struck = 0;
        for (const point of choosePoints(role, changes.length)) {
          await arm(point);
          const sendAndFindOnce = role === 'supervisor' ? sendAndFindThroughAll : sendAndFind;
          await sendAndFindOnce();
          await sendAndFindOnce();
          if (existsSync(failpoint + STRUCK)) struck++;
          rmSync(failpoint, { force: true });
        }
        console.info(`${role}: ${struck} crashes (SPILLWAY_TEST_SEED=${SEED})`);
        expect(struck).toBeGreaterThan(0);
        expect(await count('*')).toBe(sent);
        await until('the ledger has all of it', async () => {
          const { total } = await spillway.json<LedgerReport>('/api/ledger?from=now-1d&to=now%2B1d');
          return total.accepted === sent && total.written === sent && total.inFlight === 0;
        });
      },
      3_600_000,
    );
  },
);

function choosePoints(role: string, changes: number): readonly Failpoint[] {
  const all = Array.from({ length: changes }, (_, i) => i + 1).flatMap((at): Failpoint[] => [
    { role, at, when: 'before' },
    { role, at, when: 'after' },
  ]);
  if (POINTS === 'all') return all;
  const random = new Random(SEED);
  return Array.from({ length: Number(POINTS) }, () => all.splice(random.below(all.length), 1)).flat();
}
