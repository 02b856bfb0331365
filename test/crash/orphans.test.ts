/** What remains of a program whose supervisor was killed: nothing that could stand in the way of the next start. */
import { existsSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { SpillwayProcess, until } from '../support/spillway.ts';

const KILLS = 3;
const EVENTS = 2_000;

let spillway: SpillwayProcess | undefined;
afterEach(() => spillway?.dispose());

test('every role ends with its supervisor, also in the middle of inserts and questions, and the data folder is free', async () => {
  let folder: string | undefined;
  for (let kill = 0; kill < KILLS; kill++) {
    const running = await SpillwayProcess.start(folder === undefined ? {} : { folder });
    spillway = running;
    folder = running.folder;
    const pids = (await running.roles()).flatMap(({ pid }) => pid ?? []);
    expect(pids).toHaveLength(3);
    const lines = Array.from({ length: EVENTS }, (_, i) => `line ${kill}-${i}`).join('\n');
    await fetch(`${running.url}/api/logs`, { method: 'POST', body: lines });
    const questions = Array.from({ length: 8 }, () => fetch(`${running.url}/api/stats?q=*&by=message`).catch(() => {}));
    running.child.kill('SIGKILL');
    await until('the roles have ended', async () => pids.every((pid) => !existsSync(`/proc/${pid}`)));
    await Promise.all(questions);
  }
});
