/** The first minutes with a Spillway that has nothing yet, and the minutes in which a part of it is down. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lacks } from '../support/needs.ts';
import { until } from '../support/spillway.ts';
import { type ConsoleBench, NEEDS, send, settled, startConsole } from './console-page.ts';

/** The supervisor waits longer each time that a role dies. */
const RESTART_MS = 45_000;

describe.skipIf(lacks('the console of a newcomer', NEEDS))('a newcomer', () => {
  let bench: ConsoleBench;

  beforeAll(async () => {
    bench = await startConsole();
  });
  afterAll(() => bench?.close());

  test('sees the line to try, and then the event that it sends, without a click', async () => {
    const page = await bench.open();
    await page.getByText('Ready for the first event').waitFor();
    const line = await page.locator('.first-steps code').first().textContent();
    expect(line).toBe(`curl -d 'Hello, Spillway' ${bench.spillway.url}/api/logs`);
    await fetch(`${bench.spillway.url}/api/logs`, {
      method: 'POST',
      body: 'Hello, Spillway',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    await page.locator('.event-message', { hasText: 'Hello, Spillway' }).waitFor();
  });

  test('sees every role up, and is told when one is not', async () => {
    await send(bench.spillway, [{ message: 'still here' }]);
    const page = await bench.open();
    await settled(page);
    await page.getByRole('button', { name: 'Status: Everything is up' }).click();
    for (const role of ['collector', 'processor', 'store']) {
      await page.getByRole('dialog', { name: 'Status' }).getByText(role, { exact: true }).waitFor();
    }
    await page.keyboard.press('Escape');
    const alert = page.getByRole('alert').getByText('recovers by itself');
    const degraded = page.getByRole('button', { name: /^Status: Degraded: .*[Tt]he store/ });
    expect(await bench.spillway.kill('store')).toBe(1);
    await page.keyboard.press('r');
    // A store that is back in a moment is not worth a word, so it is kept down for longer than that.
    await until('the page says so', async () => {
      await bench.spillway.kill('store');
      return (await alert.isVisible()) && (await degraded.isVisible());
    });
    await page.locator('.event-message', { hasText: 'still here' }).waitFor({ timeout: RESTART_MS });
    await settled(page);
    await page.getByRole('button', { name: 'Status: Everything is up' }).waitFor({ timeout: RESTART_MS });
  }, 120_000);

  test('is told when nothing answers at all', async () => {
    const page = await bench.open();
    await settled(page);
    await bench.spillway.stop();
    await page.keyboard.press('r');
    await page.getByRole('alert').getByText('Nothing answers at').waitFor();
    await page.getByRole('button', { name: 'Status: Spillway does not answer' }).waitFor();
    expect(bench.complaints).toEqual([]);
  });
});
