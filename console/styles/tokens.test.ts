import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const css = readFileSync(new URL('./tokens.css', import.meta.url), 'utf8');

/** Relative luminance and contrast (WCAG 2.2, "contrast ratio"). */
function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].toSorted((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

function token(name: string, theme: 'light' | 'dark'): string {
  const match = new RegExp(`--${name}: light-dark\\((#[0-9a-f]{6}), (#[0-9a-f]{6})\\);`).exec(css);
  const colour = match?.[theme === 'light' ? 1 : 2];
  if (colour === undefined) throw new Error(`no colour pair named ${name}`);
  return colour;
}

const TEXTS = ['text', 'text-2', 'text-3', 'accent', 'good', 'bad', 'caution'];
const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'none'];
const SURFACES = ['canvas', 'surface', 'raised', 'hover', 'inset'];

describe.each(['light', 'dark'] as const)('the colours of the %s theme', (theme) => {
  const texts = [...TEXTS, ...LEVELS.map((level) => `level-${level}`)];

  test.each(texts)('%s can be read on every surface', (name) => {
    for (const surface of SURFACES) {
      expect(contrast(token(name, theme), token(surface, theme)), surface).toBeGreaterThanOrEqual(4.5);
    }
  });

  test.each(LEVELS)('the bar of %s is told from the surface', (level) => {
    expect(contrast(token(`bar-${level}`, theme), token('surface', theme))).toBeGreaterThanOrEqual(3);
  });

  test.each([
    ['accent-text', 'accent'],
    ['mark-text', 'mark'],
    ['text', 'bad-wash'],
    ['text', 'accent-wash'],
    ['caution', 'caution-wash'],
    ['bad', 'bad-wash'],
  ])('%s can be read on %s', (text, surface) => {
    expect(contrast(token(text, theme), token(surface, theme))).toBeGreaterThanOrEqual(4.5);
  });
});
