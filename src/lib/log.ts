import { type Logger, pino } from 'pino';

export type { Logger };

/** Spillway's own log: JSON lines on standard error, one logger per role. */
export function createLog(role: string, level = process.env.SPILLWAY_LOG_LEVEL ?? 'info'): Logger {
  return pino({ level, base: { role } }, pino.destination({ dest: 2, sync: true }));
}
