/** Levels as people and programs name them. */
import type { Level } from '../../event/event.ts';

/** By syslog severity (RFC 5424, 6.2.1): emerg, alert and crit are fatal, notice is info. */
export const LEVEL_OF_SEVERITY: readonly Level[] = [
  'fatal',
  'fatal',
  'fatal',
  'error',
  'warn',
  'info',
  'info',
  'debug',
];

const WORDS: Readonly<Record<Level, readonly string[]>> = {
  trace: ['trace', 'trc', 'finest', 'finer', 'verbose', 'silly'],
  debug: ['debug', 'dbg', 'fine', 'config'],
  info: ['info', 'inf', 'information', 'informational', 'notice', 'log', 'default'],
  warn: ['warn', 'wrn', 'warning'],
  error: ['error', 'err', 'eror', 'severe', 'failure'],
  fatal: ['fatal', 'ftl', 'crit', 'critical', 'alert', 'emerg', 'emergency', 'panic', 'dpanic'],
};
const LEVEL_OF_WORD = new Map(
  Object.entries(WORDS).flatMap(([level, words]) => words.map((word) => [word, level as Level] as const)),
);

export function levelOfWord(word: string): Level | undefined {
  return word.length > 16 ? undefined : LEVEL_OF_WORD.get(word.toLowerCase());
}

/** Numbers as pino and bunyan use them (10 trace to 60 fatal), and syslog's severities 0 to 7. */
export function levelOfNumber(value: number): Level | undefined {
  if (value >= 10 && value <= 60) {
    return (['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const)[Math.floor(value / 10) - 1];
  }
  return LEVEL_OF_SEVERITY[value];
}

/** Where a level may stand in a text. */
const SEARCHED_CHARS = 160;
const IN_CAPITALS =
  /(?<![A-Za-z0-9_-])(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|SEVERE|CRIT|CRITICAL|ALERT|EMERG|FATAL|PANIC)(?![A-Za-z0-9_-])/;
const IN_BRACKETS =
  /[[<(](?:[a-z0-9_]+:)?(trace|debug|info|notice|warn|warning|error|err|severe|crit|critical|alert|emerg|fatal|panic)[\])>]/i;

/** The level that stands near the beginning of a text, in capitals or in brackets. */
export function levelInText(text: string): Level | undefined {
  const head = text.length > SEARCHED_CHARS ? text.slice(0, SEARCHED_CHARS) : text;
  const bracketed = IN_BRACKETS.exec(head)?.[1];
  if (bracketed !== undefined) return levelOfWord(bracketed);
  const word = IN_CAPITALS.exec(head)?.[0];
  return word === undefined ? undefined : levelOfWord(word);
}
