/** What a user of the console relies on, in a real browser on a real Spillway. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lacks } from '../support/needs.ts';
import { until } from '../support/spillway.ts';
import {
  type ConsoleBench,
  column,
  find,
  inSight,
  NEEDS,
  PATIENCE_MS,
  sampleLog,
  send,
  settled,
  startConsole,
} from './console-page.ts';

const HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script> {{hostile}}';

describe.skipIf(lacks('the console', NEEDS))('the console', () => {
  let bench: ConsoleBench;

  beforeAll(async () => {
    bench = await startConsole();
    await send(bench.spillway, [...sampleLog(400), { message: HOSTILE, app: 'odd', host: 'web-1' }]);
  });
  afterAll(() => bench?.close());

  const opened = async (path = '/', options = {}): Promise<Page> => {
    const page = await bench.open(path, options);
    await settled(page);
    return page;
  };
  const query = (page: Page) => page.getByRole('combobox', { name: 'Query' });

  test('marks an error of the query at its place as one types, and does not run it', async () => {
    const page = await opened();
    await query(page).fill('level:error AND ) status:200');
    const alert = page.getByRole('alert');
    await alert.waitFor();
    expect(await page.locator('.query-paint [data-wrong="true"]').textContent()).toBe(')');
    await query(page).press('Enter');
    expect(page.url()).not.toContain('q=');
    await query(page).fill('level:error AND status:502');
    await alert.waitFor({ state: 'detached' });
  });

  test.each([
    ['the first word', 'stat'],
    ['a word behind a mistake', 'level:error AND ) stat'],
  ])('hangs the completions of %s below the text and below what is wrong with it', async (_, text) => {
    const page = await opened();
    await query(page).pressSequentially(text);
    const list = page.getByRole('listbox', { name: 'Completions' });
    await list.getByRole('option').first().waitFor();
    const above = page.locator('.query-input, .query-problem');
    const top = (await list.boundingBox())?.y ?? 0;
    for (const box of await Promise.all((await above.all()).map((element) => element.boundingBox()))) {
      expect(top).toBeGreaterThanOrEqual((box?.y ?? 0) + (box?.height ?? 0));
    }
    expect(await above.count()).toBe(text.includes(')') ? 2 : 1);
  });

  test('says quietly that a query is not finished yet', async () => {
    const page = await opened();
    await query(page).pressSequentially('level:error AND');
    await page.locator('.query-problem[data-quiet="true"]').waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
  });

  test('includes and excludes values by a click, and the back button undoes it', async () => {
    const page = await opened('/?q=status:502');
    await page.locator('.event-row').first().click();
    await page.getByRole('button', { name: 'Only events with this app' }).click();
    await page.waitForURL(/app/);
    const narrowed = await query(page).inputValue();
    expect(narrowed).toMatch(/^status:502 app:\w+$/);
    await settled(page);
    await page.getByRole('button', { name: 'Without events with this app' }).click();
    await page.waitForURL(/NOT/);
    expect(await query(page).inputValue()).toBe(narrowed.replace('app:', 'NOT app:'));
    await page.goBack();
    expect(await query(page).inputValue()).toBe(narrowed);
  });

  test('shows how many events have a field and its top values, and narrows to one of them', async () => {
    const page = await opened();
    const fields = page.getByRole('complementary', { name: 'Fields' });
    await fields.getByRole('button', { name: /^status/ }).click();
    await fields.getByText('2 values in 400 events').waitFor();
    await fields.getByRole('button', { name: 'Only status 502' }).click();
    await page.waitForURL(/status:502/);
    await page.locator('.overview-facts strong', { hasText: /^57$/ }).waitFor();
  });

  test('shows chosen fields as columns and keeps them in the address', async () => {
    const page = await opened();
    await page.getByRole('button', { name: 'Show request.id as a column' }).click();
    await page.waitForURL(/columns=app,host,request\.id/);
    expect(await column(page, '.event-column:nth-child(5)')).toContain('r-399');
    await page.getByRole('button', { name: 'Remove the column host' }).click();
    await page.waitForURL(/columns=app,request\.id/);
  });

  test('zooms into the chart by dragging, and out again', async () => {
    const page = await opened();
    const plot = await page.locator('.u-over').boundingBox();
    if (plot === null) throw new Error('there is no chart');
    await page.mouse.move(plot.x + plot.width * 0.4, plot.y + 20);
    await page.mouse.down();
    await page.mouse.move(plot.x + plot.width * 0.6, plot.y + 20, { steps: 4 });
    await page.mouse.up();
    await page.waitForURL(/from=2/);
    const width = () => {
      const { searchParams } = new URL(page.url());
      return Date.parse(searchParams.get('to') ?? '') - Date.parse(searchParams.get('from') ?? '');
    };
    const zoomed = width();
    expect(zoomed / 60_000).toBeGreaterThanOrEqual(12);
    expect(zoomed / 60_000).toBeLessThanOrEqual(14);
    await page.keyboard.press('z');
    await expect.poll(width).toBe(zoomed * 2);
  });

  test('lets the keyboard walk over the chart and zoom into a bar', async () => {
    const page = await opened();
    const chart = page.getByRole('slider');
    await chart.focus();
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowLeft');
    expect(await chart.getAttribute('aria-valuetext')).toMatch(/^\d\d:\d\d:\d\d: \d+ events$/);
    await page.keyboard.press('Enter');
    await page.waitForURL(/from=2/);
  });

  test('takes typed times, and says what is wrong with others', async () => {
    const page = await opened();
    await page.keyboard.press('t');
    const dialog = page.getByRole('dialog', { name: 'Time range' });
    await dialog.getByLabel('From').fill('soon');
    await dialog.getByRole('button', { name: 'Apply' }).click();
    await dialog.getByText('"soon" is not a time.').waitFor();
    await dialog.getByLabel('From').fill('20m');
    await dialog.getByRole('button', { name: 'Apply' }).click();
    await page.waitForURL(/from=now-20m/);
    expect(await page.locator('.time-label').textContent()).toBe('Last 20 minutes');
  });

  test('brings older pages as one scrolls, each event once, in order', async () => {
    const page = await opened();
    const rows = page.getByRole('grid');
    await page.keyboard.press('j');
    await expect
      .poll(
        async () => {
          await page.keyboard.press('G');
          return await rows.getAttribute('aria-rowcount');
        },
        { timeout: PATIENCE_MS },
      )
      .toBe('402');
    await page.getByText('401 events, and that is all.').waitFor();
    const times = await page
      .locator('.event-row time')
      .evaluateAll((all) => all.map((time) => time.getAttribute('datetime') ?? ''));
    expect(times).toEqual(times.toSorted().toReversed());
    expect(await page.locator('.event-row').count(), 'only rows in sight are in the page').toBeLessThan(100);
  });

  test('cancels what was superseded', async () => {
    const page = await opened();
    let hold = true;
    const cancelled: string[] = [];
    page.on('requestfailed', (request) => cancelled.push(new URL(request.url()).searchParams.get('q') ?? ''));
    await page.route('**/api/search*', async (route) => {
      if (hold) await until('the question is superseded', async () => cancelled.includes('first'));
      await route.continue().catch(() => undefined);
    });
    await query(page).fill('first');
    await Promise.all([page.waitForRequest(/api\/search\?q=first/), query(page).press('Enter')]);
    await query(page).fill('cart');
    await query(page).press('Enter');
    await expect.poll(() => cancelled).toContain('first');
    hold = false;
    await settled(page);
    expect(page.url()).toContain('q=cart');
  });

  test('shows hostile text as text', async () => {
    const page = await opened('/?q=hostile');
    expect(await column(page, '.event-message')).toEqual([HOSTILE]);
    await page.locator('.event-row').click();
    await page.getByRole('tab', { name: 'JSON' }).click();
    expect(await page.locator('.detail-text').textContent()).toContain('onerror');
    expect(await page.title()).toBe('hostile · Spillway');
    expect(await page.locator('.app img, .app script').count()).toBe(0);
  });

  test('shows the event of a link also where the list does not have it', async () => {
    const event = await find(bench.spillway, 'level:error');
    const page = await opened(`/?q=level:warn&event=${event?.id}`);
    const linked = page.getByRole('region', { name: 'The linked event' });
    await linked
      .getByText(event?.message ?? '-')
      .first()
      .waitFor();
    expect(await linked.locator('.field-table').count()).toBe(1);
  });

  test('brings the event of a link into sight where it stands further down the list', async () => {
    const page = await opened();
    const { events } = await bench.spillway.json<{ events: { id: string }[] }>('/api/search?from=now-1h&limit=90');
    await page.goto(`${bench.spillway.url}/?event=${events.at(-1)?.id}`);
    await inSight(page.locator('[data-expanded="true"]'));
    expect(await page.getByRole('region', { name: 'The linked event' }).count()).toBe(0);
  });

  test('explains an empty answer and offers what would not be empty', async () => {
    const page = await opened('/?q=zzzz');
    await page.getByText('No stored event matches this query').waitFor();
    await page.locator('.notice').getByRole('button', { name: 'Clear the query' }).click();
    await settled(page);
    expect(await page.locator('.event-row').count()).toBeGreaterThan(0);
  });

  test('says in words that it is degraded, why and since when, and that it is up again', async () => {
    const page = await opened();
    const status = page.getByRole('button', { name: /^Status: / });
    const said = page.getByRole('status').filter({ hasText: /^(Everything is up|Degraded)/ });
    await page.getByRole('button', { name: 'Status: Everything is up' }).waitFor();
    const since = new Date(Date.now() - 3 * 60_000).toISOString();
    const reasons = [`The store has not indexed since ${since}: see \`spillway doctor\`.`, 'The disk is nearly full.'];
    await page.route('**/api/status', async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ json: { ...(await answer.json()), health: { status: 'degraded', reasons } } });
    });
    // Nobody does anything: it is asked again by itself.
    await status.getByText('Degraded', { exact: true }).waitFor();
    expect(await said.textContent(), 'what a screen reader says').toMatch(/^Degraded.*2 reasons/);
    expect(await status.getAttribute('title')).toContain('The disk is nearly full.');
    await status.press('Enter');
    const items = page.getByRole('dialog', { name: 'Status' }).getByRole('list', { name: 'Why' }).getByRole('listitem');
    expect(await items.count()).toBe(2);
    expect(await items.first().textContent()).toMatch(/since \d\d:\d\d:\d\d \(3 min ago\): see spillway doctor\./);
    expect(await items.first().locator('time').getAttribute('datetime')).toBe(since);
    await page.keyboard.press('Escape');
    await expect.poll(() => status.evaluate((button) => button === document.activeElement)).toBe(true);
    await page.unroute('**/api/status');
    await page.getByRole('button', { name: 'Status: Everything is up' }).waitFor();
    expect(await said.textContent()).toBe('Everything is up');
  });

  test('lists what is of the last 15 minutes when one follows live, as many as it counts', async () => {
    const page = await opened('/?live=1&q=app:checkout');
    await page.locator('.live-state[data-state="open"]').waitFor();
    const { count } = await bench.spillway.json<{ count: number }>('/api/count?from=now-15m&q=app:checkout');
    expect(count, 'there are older ones too').toBeLessThan(50);
    await page.locator('.overview-facts', { hasText: 'in the last 15 minutes' }).waitFor();
    const rows = page.getByRole('grid');
    const shown = async () => {
      const counted = Number(await page.locator('.overview-facts strong').textContent());
      return Number(await rows.getAttribute('aria-rowcount')) - 1 - counted;
    };
    await expect.poll(shown, { timeout: PATIENCE_MS }).toBe(0);
  });

  test('does not move under a reader who follows live', async () => {
    const page = await opened('/?live=1');
    await page.locator('.live-state[data-state="open"]').waitFor();
    await page.locator('.event-table').hover();
    await page.mouse.wheel(0, 240);
    await page.locator('.live-state[data-state="held"]').waitFor();
    const before = await column(page, '.event-message');
    await send(bench.spillway, [{ message: 'a newcomer' }, { message: 'another newcomer' }]);
    const more = page.getByRole('button', { name: '2 new' });
    await more.waitFor();
    expect(await column(page, '.event-message')).toEqual(before);
    await more.click();
    await page.locator('.event-message', { hasText: 'another newcomer' }).waitFor();
    expect(await page.locator('.event-table').evaluate((table) => table.scrollTop)).toBe(0);
  });

  test('keeps a chosen theme in the browser and not in the address', async () => {
    const page = await opened('/', { colorScheme: 'light' });
    await page.getByRole('button', { name: /^Theme:/ }).click();
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await background();
    expect(new URL(page.url()).search).toBe('');
    await page.reload();
    await settled(page);
    expect(await background()).toBe(dark);
    expect(dark).not.toBe(
      await (await opened('/', { colorScheme: 'light' })).evaluate(
        () => getComputedStyle(document.body).backgroundColor,
      ),
    );
  });

  test('names its parts for screen readers, and its active row', async () => {
    const page = await opened();
    await page.keyboard.press('j');
    const grid = page.getByRole('grid', { name: 'Events, newest first' });
    const activeId = await grid.getAttribute('aria-activedescendant');
    expect(await page.locator(`[id="${activeId}"]`).getAttribute('aria-selected')).toBe('true');
    expect(await page.evaluate(() => document.activeElement?.getAttribute('role'))).toBe('grid');
    await page.getByRole('search').waitFor();
    await page.getByRole('main').waitFor();
    expect(await page.getByRole('columnheader').allTextContents()).toEqual([
      'Time ',
      'Level',
      'app',
      'host',
      'Message',
    ]);
    const unnamed = await page
      .locator('button:not([aria-label]):not([title])')
      .evaluateAll((buttons) =>
        buttons.filter((button) => (button.textContent ?? '').trim() === '').map((button) => button.className),
      );
    expect(unnamed).toEqual([]);
  });

  test('shows every shortcut on ?, and leaves typing alone', async () => {
    const page = await opened();
    await page.keyboard.press('?');
    const help = page.getByRole('dialog', { name: 'Shortcuts and query language' });
    await help.getByText('Surrounding events').waitFor();
    await page.keyboard.press('Escape');
    await help.waitFor({ state: 'detached' });
    await query(page).pressSequentially('jolly cat?');
    expect(await query(page).inputValue()).toBe('jolly cat?');
    expect(await help.count()).toBe(0);
  });

  test.each([1280, 390])('fits a page of %i pixels', async (width) => {
    const page = await opened('/', { viewport: { width, height: 844 }, hasTouch: width < 700 });
    const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(await overflow()).toBe(0);
    const outside = await page
      .locator('.top-bar button, .legend-item')
      .evaluateAll(
        (all) =>
          all.filter((one) => one.closest('.legend') === null && one.getBoundingClientRect().right > window.innerWidth)
            .length,
      );
    expect(outside).toBe(0);
    await page.locator('.event-row').nth(2).click();
    await page.locator('.event-detail').waitFor();
    expect(await overflow()).toBe(0);
  });

  test('has broken no rule of the page in any of this', () => {
    expect(bench.complaints).toEqual([]);
  });
});
