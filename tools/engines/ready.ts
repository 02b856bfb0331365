/** Waits until a node answers. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import type { NodePlan } from './engine.ts';
import { isRunning, sleep } from './processes.ts';
import type { StartedNode } from './state.ts';

const POLL_MS = 100;
const PROBE_MS = 2_000;
const LOG_LINES = 25;

/** Throws with the end of its log where it ends before, or takes longer. */
export async function untilReady(plan: NodePlan, node: StartedNode, timeoutMs: number): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await answers(plan, node.log).catch(() => false))) {
    if (!(await isRunning(node))) throw await notReady(node, 'ended before it was ready');
    if (performance.now() > deadlineMs) throw await notReady(node, `was not ready within ${timeoutMs / 1_000} s`);
    await sleep(POLL_MS);
  }
}

async function answers({ ready, host, port }: NodePlan, log: string): Promise<boolean> {
  switch (ready.kind) {
    case 'log':
      return (await readFile(log, 'utf8')).includes(ready.text);
    case 'http':
      return (await fetch(ready.url, { signal: AbortSignal.timeout(PROBE_MS) })).ok;
    case 'tcp': {
      const socket = connect(port, host);
      await once(socket, 'connect', { signal: AbortSignal.timeout(PROBE_MS) }).finally(() => socket.destroy());
      return true;
    }
  }
}

async function notReady(node: StartedNode, what: string): Promise<Error> {
  const text = await readFile(node.log, 'utf8').catch(() => '');
  const end = text.trimEnd().split('\n').slice(-LOG_LINES).join('\n');
  return new Error(`${node.name} ${what}; the end of ${node.log}:\n${end}`);
}
