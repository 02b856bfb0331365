/** What the documentation says exists: links, commands, options, folders, packages. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isVerb, VERBS } from '../../src/cli/verbs.ts';
import { checkedConfig } from '../deploy/checked-config.ts';

const ROOT = join(import.meta.dirname, '../..');
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'].map((name) => join(ROOT, name)),
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(ROOT, 'docs', name)),
];
const read = (page: string): string => readFileSync(page, 'utf8');
const named = pages.map((page) => [relative(ROOT, page), page] as const);

describe.each(named)('%s', (_, page) => {
  const text = read(page);

  test('links to what exists', () => {
    const links = [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    const broken = links.filter((target) => !/^(https?|mailto):/.test(target) && !leadsSomewhere(page, target));
    expect(broken).toEqual([]);
  });

  test('names only npm scripts that exist', () => {
    const scripts = [...text.matchAll(/npm run (?:-s )?([a-z][a-z:-]*)/g)].map(([, name = '']) => name);
    expect(scripts.filter((name) => manifest.scripts[name] === undefined)).toEqual([]);
  });

  test('shows only commands and options that exist', async () => {
    const wrong: string[] = [];
    for (const [line, verb = '', rest = ''] of commands(text)) {
      if (!isVerb(verb)) {
        wrong.push(line);
        continue;
      }
      const { command } = await VERBS[verb].load();
      const options = [...rest.matchAll(/ --([a-z-]+)/g)].map(([, name = '']) => name);
      if (options.some((name) => name !== 'help' && command.options[name] === undefined)) wrong.push(line);
    }
    expect(wrong).toEqual([]);
  });

  test('shows only configurations that are right', () => {
    const examples = [...withoutReference(page, text).matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml = '']) => yaml);
    // Not the machine's secrets: what is there instead is any text.
    const checked = examples.map((yaml) => checkedConfig(yaml.replaceAll(/\$\{file:[^}]*\}/g, 'secret')).problems);
    expect(checked.filter((problems) => problems !== '')).toEqual([]);
  });

  test('names no path of anybody’s machine', () => {
    expect(text).not.toMatch(/\/(root|home\/\w+|work|Users\/\w+)\//);
  });
});

/** `spillway VERB …` in code. */
function commands(text: string): RegExpMatchArray[] {
  const code = [...text.matchAll(/```[a-z]*\n([\s\S]*?)```|`([^`\n]+)`/g)].map(
    ([, block, inline]) => block ?? inline ?? '',
  );
  return code.flatMap((piece) => [...piece.matchAll(/(?:^|[|;&(] *|\$ *|npx )spillway ([a-z]+)([^\n|#]*)/gm)]);
}

function withoutCode(text: string): string {
  return text.replace(/```[\s\S]*?```|`[^`\n]*`/g, '');
}

/** The reference shows each option alone. */
function withoutReference(page: string, text: string): string {
  return page === join(ROOT, 'docs/configuration.md') ? '' : text;
}

function leadsSomewhere(page: string, target: string): boolean {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : join(dirname(page), path);
  if (!existsSync(file)) return false;
  return anchor === undefined || headings(read(file)).includes(anchor);
}

/** Anchors as GitHub makes them. */
function headings(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test('every dependency has its reason in docs/dependencies.md, and none is there that is gone', () => {
  const page = read(join(ROOT, 'docs/dependencies.md'));
  const names = ['dependencies', 'optionalDependencies', 'devDependencies'].flatMap((kind) =>
    Object.keys(manifest[kind]),
  );
  const rows = page.split('\n').filter((line) => line.startsWith('| `'));
  const listed = rows.flatMap((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
  );
  expect(listed.toSorted()).toEqual(names.toSorted());
});

test('the map in docs/architecture.md names every folder of src, and only what exists', () => {
  const map = read(join(ROOT, 'docs/architecture.md'));
  const listed = [...map.matchAll(/^\| `([^`]+\/)` \|/gm)].map(([, folder = '']) => folder);
  for (const folder of listed) expect(existsSync(join(ROOT, folder)), folder).toBe(true);
  for (const entry of readdirSync(join(ROOT, 'src'))) expect(listed).toContain(`src/${entry}/`);
});

test('pages that the sources and messages send people to exist', () => {
  const sources = ['src', 'console', 'bench', 'tools'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(ts|tsx|mjs)$/.test(name))
      .map((name) => read(join(ROOT, folder, name))),
  );
  const names = new Set(sources.flatMap((text) => text.match(/docs\/[a-z/-]+\.md/g) ?? []));
  expect([...names].filter((name) => !existsSync(join(ROOT, name)))).toEqual([]);
});

test('every decision says when it was made', () => {
  for (const name of readdirSync(join(ROOT, 'docs/decisions'))) {
    expect(read(join(ROOT, 'docs/decisions', name)), name).toMatch(/\b20\d\d-\d\d-\d\d\b/);
  }
});
