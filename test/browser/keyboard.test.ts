/**
 * The five tasks that a console is for, done by keyboard alone in a real browser on a real Spillway. Each is timed: from
 * its first key until its result is on the screen.
 */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lacks } from '../support/needs.ts';
import { type ConsoleBench, column, inSight, NEEDS, sampleLog, send, settled, startConsole } from './console-page.ts';

/** A person's patience, with room for a busy machine; alone it takes a tenth of it. */
const TASK_MS = 5_000;

describe.skipIf(lacks('the console by keyboard', NEEDS))('by keyboard alone', () => {
  let bench: ConsoleBench;
  let page: Page;
  const times: string[] = [];

  beforeAll(async () => {
    bench = await startConsole();
    await send(bench.spillway, sampleLog(300));
    page = await bench.open();
    await settled(page);
  });
  afterAll(async () => {
    console.info(`console tasks: ${times.join(', ')}`);
    await bench?.close();
  });

  async function timed(task: string, work: () => Promise<void>): Promise<void> {
    const began = performance.now();
    await work();
    const tookMs = Math.round(performance.now() - began);
    times.push(`${task} ${tookMs} ms`);
    expect(tookMs, task).toBeLessThan(TASK_MS);
  }

  test('one finds the errors of the last hour', async () => {
    await timed('find an error of the last hour', async () => {
      await page.keyboard.press('/');
      await page.keyboard.type('level:error');
      await page.keyboard.press('Enter');
      await page.locator('.overview-facts strong', { hasText: /^43$/ }).waitFor();
      await settled(page);
    });
    expect(new Set(await column(page, '.event-level'))).toEqual(new Set(['error']));
    expect((await column(page, '.event-message'))[0]).toContain('connection refused');
    expect(await page.locator('.time-label').textContent()).toBe('Last hour');
  });

  test('one narrows them to one app, with the value completed', async () => {
    await timed('narrow to one app', async () => {
      await page.keyboard.type(' app:che');
      await page.getByRole('option', { name: 'checkout' }).waitFor();
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await page.locator('.overview-facts strong', { hasText: /^15$/ }).waitFor();
      await settled(page);
    });
    expect(await page.locator('.query-input').inputValue()).toBe('level:error app:checkout');
    expect(new Set(await column(page, '.event-column:nth-child(3)'))).toEqual(new Set(['checkout']));
  });

  test('one opens an event and its neighbours', async () => {
    await timed('open it and its neighbours', async () => {
      await page.keyboard.press('Escape');
      await page.keyboard.press('j');
      await page.keyboard.press('j');
      await page.keyboard.press('Enter');
      await page.locator('.list .event-detail').waitFor();
      await page.keyboard.press('c');
      await inSight(page.locator('.context-panel [data-anchor="true"]'));
    });
    const panel = page.getByRole('region', { name: 'Surrounding events' });
    const levels = new Set(await column(page, '.event-level', '.context-panel'));
    expect(levels, 'neighbours of all levels').toContain('info');
    await page.keyboard.press('k');
    await page.keyboard.press('Enter');
    await panel.locator('.event-detail').waitFor();
    await page.keyboard.press('Escape');
    expect(await panel.locator('.event-detail').count()).toBe(0);
    await page.keyboard.press('Escape');
    await panel.waitFor({ state: 'detached' });
    expect(await page.locator('.list .event-detail').count(), 'the event is still open').toBe(1);
  });

  test('one follows live', async () => {
    const message = 'connection refused while following';
    await timed('follow live', async () => {
      await page.keyboard.press('l');
      await page.locator('.live-state[data-state="open"]').waitFor();
      await send(bench.spillway, [
        { message, level: 'error', app: 'checkout', host: 'web-9' },
        { message: 'not of this app', level: 'error', app: 'search', host: 'web-9' },
      ]);
      await page.locator('.live .event-message', { hasText: message }).waitFor();
    });
    expect(await page.locator('.live .event-message', { hasText: 'not of this app' }).count()).toBe(0);
    expect(page.url()).toContain('live=1');
  });

  test('one sends the link to someone else, who sees the same event', async () => {
    let link = '';
    await timed('send the link', async () => {
      await page.keyboard.press('j');
      await page.keyboard.press('Enter');
      await page.locator('.live .event-detail').waitFor();
      await page.keyboard.press('y');
      await page.getByText('Link copied').waitFor();
      link = await page.evaluate(() => navigator.clipboard.readText());
    });
    const opened = await page.locator('.live [data-expanded="true"] .event-message').textContent();
    const other = await bench.open(link.slice(bench.spillway.url.length));
    await other.locator('.event-detail').waitFor();
    expect(await other.locator('[data-expanded="true"] .event-message').textContent()).toBe(opened);
    expect(await other.locator('.query-input').inputValue()).toBe('level:error app:checkout');
    expect(other.url(), 'its times do not move on').not.toContain('now');
  });

  test('nothing on the way broke a rule of the page', () => {
    expect(bench.complaints).toEqual([]);
  });
});
