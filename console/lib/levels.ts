/** Levels in the order in which they stack: the grave ones at the bottom, where their heights can be compared. */
export const LEVEL_ORDER = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'none'] as const;
export type LevelKey = (typeof LEVEL_ORDER)[number];

const KNOWN = new Set<string>(LEVEL_ORDER);

/** The key of a level as an answer has it; anything unknown, also no level, is `none`. */
export function levelKey(level: string | undefined): LevelKey {
  return level !== undefined && isLevel(level) ? level : 'none';
}

function isLevel(text: string): text is LevelKey {
  return KNOWN.has(text);
}

export function levelLabel(level: LevelKey): string {
  return level === 'none' ? 'no level' : level;
}
