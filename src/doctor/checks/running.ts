/** Whether Spillway runs on this data folder, and what it says of itself. */
import { isIPv6 } from 'node:net';
import { DOCTOR_LIMITS } from '../../lib/limits.ts';
import { always, type Check } from '../check.ts';
import { type Finding, unknown, warning, well, wrong } from '../finding.ts';

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A role that was started again so lately may be about to fail again. */
const LATELY_MS = 10 * 60_000;

export const running: Check = {
  about: 'running',
  applies: always,
  async examine(installation) {
    const { config, holder, role } = installation;
    if (holder === undefined) return [well(`Spillway does not run on ${config.data}`)];
    const who = holder.pid === undefined ? 'a process' : `process ${holder.pid}`;
    if (role === 'processor') return [well(`${who} runs on ${config.data}`)];
    const url = addressOf(role === 'store' ? config.store : config.http);
    if (url === undefined) return [unknown(`${who} runs on ${config.data}, on a port that the system chose`)];
    const health = await ask(`${url}/health/ready`, undefined);
    if (health === undefined) {
      const mend = `Look at its log: a role that cannot start says why. Where it hangs: kill ${holder.pid ?? 'PID'}, and start it again; nothing acknowledged is lost.`;
      return [wrong(`${who} has ${config.data}, and nothing answers at ${url}`, mend)];
    }
    const roles = role === undefined ? await rolesOf(url, installation.token) : [];
    return [healthFinding(who, url, health), ...roles];
  },
};

function addressOf({ host, port }: { readonly host: string; readonly port: number }): string | undefined {
  const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return port === 0 ? undefined : `http://${isIPv6(name) ? `[${name}]` : name}:${port}`;
}

function healthFinding(who: string, url: string, { status, body }: Answer): Finding {
  const said = Array.isArray(body.reasons) ? body.reasons.map(String).join('; ') : '';
  if (status === 200 && body.status === 'ok') return well(`${who} answers at ${url} and is ready`);
  const mend = 'Mend what it says; docs/operations.md has the usual cases.';
  if (status === 200) return warning(`${who} answers at ${url}, but: ${said}`, mend);
  return wrong(`${who} answers at ${url} and is not ready: ${said || status}`, mend);
}

async function rolesOf(url: string, token: string | undefined): Promise<readonly Finding[]> {
  const answer = await ask(`${url}/api/status`, token);
  if (answer?.status === 401 || answer?.status === 403) {
    return [unknown('how its roles are is told to an admin token only: --token TOKEN')];
  }
  const roles: unknown = answer?.body.roles;
  if (!Array.isArray(roles)) return [];
  return roles.map(roleFinding);
}

function roleFinding(told: unknown): Finding {
  const { role, state, restarts, lastExit, waitsFor, since } = Object(told);
  if (waitsFor !== undefined) return wrong(`the ${role} has not begun. ${waitsFor}`, 'It goes on by itself then.');
  const why = lastExit === undefined ? '' : `; it ended last with ${lastExit}`;
  const mend = 'Look at its log for what ended it.';
  if (state !== 'ready') return wrong(`the ${role} is ${state}${why}`, mend);
  const isRecent = restarts > 0 && Date.now() - Date.parse(since) < LATELY_MS;
  if (isRecent) return warning(`the ${role} was started again ${restarts} times, last at ${since}${why}`, mend);
  return well(`the ${role} runs`);
}

async function ask(url: string, token: string | undefined): Promise<Answer | undefined> {
  try {
    const signal = AbortSignal.timeout(DOCTOR_LIMITS.requestMs);
    const response = await fetch(
      url,
      token === undefined ? { signal } : { signal, headers: { authorization: `Bearer ${token}` } },
    );
    return { status: response.status, body: Object(await response.json()) };
  } catch {
    return undefined;
  }
}
