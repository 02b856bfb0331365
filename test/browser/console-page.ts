/** A real Chromium on the console of a real Spillway, which serves what is built here first. */
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Locator,
  type Page,
} from 'playwright-core';
import type { AnsweredEvent } from '../../src/event/event.ts';
import { findProgram } from '../support/needs.ts';
import { SpillwayProcess, until } from '../support/spillway.ts';
import { buildConsole } from './built-console.ts';

export const NEEDS = { programs: { chromium: 'chromium' } } as const;
/** What any single wait of these tests may take, on a machine that does other things too. */
export const PATIENCE_MS = 15_000;

export interface ConsoleBench {
  readonly spillway: SpillwayProcess;
  readonly browser: Browser;
  /** A page in a browser session of its own, as of another person. What the page complains about is kept. */
  open(path?: string, options?: BrowserContextOptions): Promise<Page>;
  /** Script errors and refusals of the content security policy, of all pages so far. */
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

export async function startConsole(): Promise<ConsoleBench> {
  await buildConsole();
  const spillway = await SpillwayProcess.start();
  const executablePath = findProgram('chromium');
  if (executablePath === undefined) throw new Error('chromium went away');
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  const complaints: string[] = [];
  const contexts: BrowserContext[] = [];
  return {
    spillway,
    browser,
    complaints,
    async open(path = '/', options = {}) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
      contexts.push(context);
      await context.grantPermissions(['clipboard-read', 'clipboard-write']);
      context.setDefaultTimeout(PATIENCE_MS);
      const page = await context.newPage();
      page.on('pageerror', (error) => complaints.push(String(error)));
      page.on('console', (message) => {
        const text = message.text();
        if (message.type() === 'error' && !text.startsWith('Failed to load resource')) complaints.push(text);
      });
      await page.goto(spillway.url + path);
      return page;
    },
    async close() {
      await Promise.all(contexts.map((context) => context.close()));
      await browser.close();
      await spillway.dispose();
    },
  };
}

export interface LogLine {
  readonly message: string;
  readonly level?: string;
  readonly app?: string;
  readonly host?: string;
  readonly timestamp?: string;
  readonly [field: string]: unknown;
}

/** Sends the lines as NDJSON and waits until a search finds them all. */
export async function send(spillway: SpillwayProcess, lines: readonly LogLine[]): Promise<void> {
  const before = await countAll(spillway);
  const body = lines.map((line) => JSON.stringify(line)).join('\n');
  const answer = await fetch(`${spillway.url}/api/logs`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/x-ndjson' },
  });
  if (!answer.ok) throw new Error(`POST /api/logs: ${answer.status} ${await answer.text()}`);
  await until(`${lines.length} lines are found`, async () => (await countAll(spillway)) >= before + lines.length);
}

async function countAll(spillway: SpillwayProcess): Promise<number> {
  return (await spillway.json<{ count: number }>('/api/count?from=now-7d&to=now%2B1d')).count;
}

export async function find(spillway: SpillwayProcess, q: string): Promise<AnsweredEvent | undefined> {
  const path = `/api/search?from=now-7d&to=now%2B1d&limit=1&q=${encodeURIComponent(q)}`;
  return (await spillway.json<{ events: AnsweredEvent[] }>(path)).events[0];
}

/** A log of the last 50 minutes: three apps on three hosts, an error now and then. */
export function sampleLog(count: number): LogLine[] {
  const apps = ['checkout', 'search', 'payments'];
  const nowMs = Date.now();
  return Array.from({ length: count }, (_, index) => {
    const failed = index % 7 === 3;
    return {
      timestamp: new Date(nowMs - 60_000 - ((count - index) * 49 * 60_000) / count).toISOString(),
      level: failed ? 'error' : index % 5 === 0 ? 'warn' : 'info',
      app: apps[index % 3] ?? 'checkout',
      host: `web-${(index % 4) + 1}`,
      message: failed ? `connection refused by db-1 on attempt ${index}` : `GET /cart/${index} took ${index % 90} ms`,
      status: failed ? 502 : 200,
      request: { id: `r-${index}`, retried: failed },
    };
  });
}

/** Waits until what is shown is the answer to what was asked, and not the one before. */
export async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => {
    const waiting = document.querySelector('.rows-waiting, .overview-waiting, [data-faded="true"]');
    return waiting === null && document.querySelector('.event-row, .notice') !== null;
  });
}

/** Waits until the element is in sight: within the window, and not under the edge of what scrolls. */
export async function inSight(element: Locator): Promise<void> {
  const seen = () =>
    element.evaluate((node) => {
      const { left, top, bottom } = node.getBoundingClientRect();
      const shown = document.elementFromPoint(left + 5, (top + bottom) / 2);
      return shown !== null && node.contains(shown);
    });
  await until('the element is in sight', seen, PATIENCE_MS);
}

/** The texts of one column of the rows in sight, from the top. */
export async function column(page: Page, selector: string, within = '.list'): Promise<string[]> {
  return await page.locator(`${within} .event-row ${selector}`).allTextContents();
}
