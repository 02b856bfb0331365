/** A role that lives and does nothing: no exit tells of it. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { HealthAnswer } from '../../src/api/schemas/index.ts';
import { SpillwayProcess, until } from '../support/spillway.ts';

const LONG_MS = 120_000;
let spillway: SpillwayProcess;

beforeAll(async () => {
  spillway = await SpillwayProcess.start();
}, LONG_MS);
afterAll(() => spillway.dispose());

it(
  'shows in health and among the roles, costs no sender anything, and is over when it goes on',
  async () => {
    const role = async () => (await spillway.roles()).find(({ role: name }) => name === 'processor');
    const health = () => spillway.json<HealthAnswer>('/health/ready');
    const pid = (await role())?.pid ?? 0;
    process.kill(pid, 'SIGSTOP');
    try {
      await until('it is said', async () =>
        (await health()).reasons?.some((why) => /^The processor has not run/.test(why)),
      );
      expect(await role()).toMatchObject({ state: 'silent', pid });
      const body = 'sent meanwhile';
      expect(await spillway.json('/api/logs', { method: 'POST', body })).toMatchObject({ accepted: 1 });
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await until('it is over', async () => (await health()).status === 'ok');
    expect(await role()).toMatchObject({ state: 'ready' });
    await until('it is found', async () => {
      const { events } = await spillway.json<{ readonly events: readonly unknown[] }>('/api/search?q=meanwhile');
      return events.length === 1;
    });
  },
  LONG_MS,
);
