/** spillway.yaml as a tree whose nodes know their line and column. */
import { readFileSync, statSync } from 'node:fs';
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import { messageOf, SpillwayError } from '../lib/errors.ts';
import { CONFIG_LIMITS } from '../lib/limits.ts';
import { configError, type Problem } from './problem.ts';
import { emptyTree, type WrittenMember, type WrittenTree } from './tree.ts';

export function readConfigFile(path: string): WrittenTree {
  return parseConfigText(readText(path), path);
}

function readText(path: string): string {
  try {
    const bytes = statSync(path).size;
    if (bytes <= CONFIG_LIMITS.fileBytes) return readFileSync(path, 'utf8');
    throw new SpillwayError(
      'CONFIG_INVALID',
      `${path} has ${bytes} bytes; a configuration has at most ${CONFIG_LIMITS.fileBytes}. Is it the right file?`,
    );
  } catch (error) {
    if (error instanceof SpillwayError) throw error;
    throw new SpillwayError(
      'CONFIG_INVALID',
      `The configuration file ${path} cannot be read: ${messageOf(error)}. Check the path given by --config or SPILLWAY_CONFIG.`,
      { cause: error },
    );
  }
}

export function parseConfigText(text: string, path: string): WrittenTree {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: '1.2' });
  const at = (position: number): string => {
    const { line, col } = lines.linePos(position);
    return `${path}:${line}:${col}`;
  };
  const problems: Problem[] = document.errors.map((error) => ({
    where: at(error.pos[0]),
    what: `this is not YAML: ${error.message}`,
  }));
  for (const warning of document.warnings) problems.push({ where: at(warning.pos[0]), what: warning.message });
  if (problems.length > 0) throw configError(problems);
  const root = convert(document.contents, path, at, 0);
  if (root.kind === 'leaf' && root.value === null) return emptyTree(path);
  if (root.kind === 'map') return root;
  throw configError([{ where: root.where, what: 'the file must hold options, one `name: value` a line.' }]);
}

function convert(node: unknown, parent: string, at: (position: number) => string, depth: number): WrittenTree {
  if (isAlias(node)) {
    const where = node.range ? at(node.range[0]) : parent;
    throw configError([{ where, what: 'anchors and aliases are not supported here; write the value out.' }]);
  }
  if (depth > CONFIG_LIMITS.depth) throw configError([{ where: parent, what: 'it is nested too deeply.' }]);
  if (isMap(node)) {
    const where = node.range ? at(node.range[0]) : parent;
    const members = new Map<string, WrittenMember>();
    for (const { key, value } of node.items) {
      const keyWhere = isScalar(key) && key.range ? at(key.range[0]) : where;
      const name = isScalar(key) ? String(key.value) : String(key);
      members.set(name, { where: keyWhere, node: convert(value, keyWhere, at, depth + 1) });
    }
    return { kind: 'map', members, where };
  }
  if (isSeq(node)) {
    const where = node.range ? at(node.range[0]) : parent;
    return { kind: 'list', items: node.items.map((item) => convert(item, where, at, depth + 1)), where };
  }
  if (!isScalar(node)) return { kind: 'leaf', value: null, where: parent };
  const { value } = node;
  const where = node.range ? at(node.range[0]) : parent;
  const known = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  return { kind: 'leaf', value: known ? value : null, where };
}
