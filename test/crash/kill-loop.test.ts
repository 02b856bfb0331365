/**
 * kill -9 of the whole program, supervisor and all roles at once, again and again while it takes requests, and a start on
 * what it left. The sender lives on and repeats what was not acknowledged, under the same Idempotency-Key.
 * SPILLWAY_TEST_KILL_ROUNDS says how often (20; 200 by hand), SPILLWAY_TEST_SEED when.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectOnce, ledgerAtRest } from '../support/accounts.ts';
import { AcknowledgedLoad } from '../support/acknowledged-load.ts';
import { lacks } from '../support/needs.ts';
import { seededRandom } from '../support/seeded.ts';
import { SpillwayProcess, until } from '../support/spillway.ts';

const ROUNDS = Number(process.env.SPILLWAY_TEST_KILL_ROUNDS ?? 20);
const EVENTS = 20;
/** At the latest so long after it is ready again. */
const KILL_WITHIN_MS = 1_500;

describe.skipIf(lacks('kills of the whole program', { long: `it kills it ${ROUNDS} times` }))(
  'kill -9 of everything',
  () => {
    let spillway: SpillwayProcess;
    let load: AcknowledgedLoad;

    beforeAll(async () => {
      spillway = await SpillwayProcess.start();
      load = new AcknowledgedLoad({ url: () => spillway.url, eventsPerRequest: EVENTS, concurrent: 4 });
    });
    afterAll(async () => {
      load?.abandon();
      await spillway?.dispose();
    });

    test(
      `${ROUNDS} times loses nothing that was acknowledged, and doubles nothing`,
      async () => {
        const random = seededRandom();
        load.start();
        for (let round = 1; round <= ROUNDS; round++) {
          const { size } = load.acknowledged;
          await until(`round ${round} takes requests`, async () => load.acknowledged.size > size);
          await delay(random.next() * KILL_WITHIN_MS);
          await killEverything(spillway);
          spillway = await SpillwayProcess.start({ folder: spillway.folder });
        }
        await load.stop();
        const total = await until('all is accounted for', () => ledgerAtRest(spillway), 60_000);
        expect(total).toMatchObject({ accepted: load.events, written: load.events, dropped: 0, deadLettered: 0 });
        expect(await spillway.stop()).toBe(0);
        const oracle = { acknowledged: load.acknowledged, eventsPerRequest: EVENTS };
        expect(await expectOnce(join(spillway.folder, 'data'), oracle)).toBe(load.events);
        console.info(`${load.events} events acknowledged over ${ROUNDS} kills, each there once`);
      },
      60_000 + ROUNDS * 20_000,
    );
  },
);

/** The supervisor first, so that it starts nothing again; the roles in the same turn. */
async function killEverything(spillway: SpillwayProcess): Promise<void> {
  const pids = (await spillway.roles()).flatMap(({ pid }) => pid ?? []);
  for (const pid of [spillway.child.pid ?? 0, ...pids]) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It went by itself.
    }
  }
  await spillway.ended();
}
