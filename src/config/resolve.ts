/**
 * From what was written to what holds: checks each option against its schema, fills in defaults, turns durations and
 * sizes into numbers, and notes where each value came from. Problems are gathered, not thrown, so that all are seen.
 */
import { isAbsolute, resolve as resolvePath } from 'node:path';
import type { TSchema } from 'typebox';
import Value from 'typebox/value';
import { suggest } from '../lib/suggest.ts';
import { parseDuration, parsePercent, parseSize } from '../lib/units.ts';
import { refusedValue, shownValue } from './hidden.ts';
import { resolvedName } from './kinds.ts';
import type { Problem } from './problem.ts';
import { expandSecrets } from './secrets.ts';
import { expectation, propertiesOf, shapeOf, typeOf } from './shape.ts';
import { treeOf, type WrittenTree } from './tree.ts';

export interface Resolving {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  readonly root: TSchema;
  readonly problems: Problem[];
  /** By dotted path: what to show for the option, and where it was written. */
  readonly shown: Map<string, { readonly value: unknown; readonly where: string }>;
}

type Path = readonly string[];

export function resolveOption(schema: TSchema, written: WrittenTree | undefined, path: Path, to: Resolving): unknown {
  const shape = shapeOf(schema);
  const isAbsent = written === undefined || (written.kind === 'leaf' && written.value === null);
  if (shape.type === 'object') return resolveObject(schema, isAbsent ? undefined : written, path, to);
  const node = isAbsent ? treeOf(shape.default, 'default') : written;
  if (isAbsent && shape.default === undefined) return undefined;
  const items = shape['x-listeners'] ?? shape.items;
  if (items !== undefined) return resolveList(schema, items, node, path, to);
  return resolveLeaf(schema, node, path, to);
}

function resolveObject(schema: TSchema, written: WrittenTree | undefined, path: Path, to: Resolving): unknown {
  if (written !== undefined && written.kind !== 'map') return refuse(schema, written, path, to);
  if (written !== undefined && shapeOf(schema).additionalProperties === true) {
    to.shown.set(dotted(path), { value: shownValue(schema, written), where: written.where });
    return resolveMembers(schema, written, path, quiet(to));
  }
  return resolveMembers(schema, written, path, to);
}

type WrittenMap = Extract<WrittenTree, { kind: 'map' }>;

function resolveMembers(schema: TSchema, written: WrittenMap | undefined, path: Path, to: Resolving): unknown {
  const members = written?.members ?? new Map();
  const known = propertiesOf(schema);
  const resolved: Record<string, unknown> = {};
  const problemsBefore = to.problems.length;
  for (const [name, option] of known) {
    const value = resolveOption(option, members.get(name)?.node, [...path, name], to);
    if (value !== undefined) resolved[resolvedName(name, shapeOf(option))] = value;
  }
  const names = known.map(([name]) => name);
  const engineIsPlanned = hasPlannedEngine(schema, members.get('engine')?.node);
  for (const [name, member] of members) {
    if (names.includes(name)) continue;
    const entry = entrySchema(schema, name);
    if (entry !== undefined) resolved[name] = resolveOption(entry, member.node, [...path, name], to);
    else if (shapeOf(schema).additionalProperties === true) resolved[name] = plain(member.node, [...path, name], to);
    else if (!engineIsPlanned)
      to.problems.push({ where: member.where, what: unknownOption(schema, name, path, to.root) });
  }
  for (const name of shapeOf(schema).required ?? []) {
    const option = shapeOf(schema).properties?.[name];
    if (option === undefined || resolved[resolvedName(name, shapeOf(option))] !== undefined) continue;
    if (to.problems.length > problemsBefore) continue;
    const where = written?.where ?? 'default';
    to.problems.push({ where, what: `${dotted(path)} needs \`${name}\`: ${expectation(option)}.` });
  }
  return resolved;
}

/** Then the engine's own options are not worth a complaint each. */
function hasPlannedEngine(schema: TSchema, engine: WrittenTree | undefined): boolean {
  const option = shapeOf(schema).properties?.engine;
  if (option === undefined || engine?.kind !== 'leaf') return false;
  return Object.hasOwn(shapeOf(option)['x-planned'] ?? {}, String(engine.value));
}

/** The schema of an entry of a map by name, such as one tenant. */
function entrySchema(schema: TSchema, name: string): TSchema | undefined {
  const patterns = Object.entries(shapeOf(schema).patternProperties ?? {});
  return patterns.find(([pattern]) => new RegExp(pattern).test(name))?.[1];
}

function unknownOption(schema: TSchema, name: string, path: Path, root: TSchema): string {
  const shape = shapeOf(schema);
  const planned = shape['x-planned'];
  if (planned !== undefined && Object.hasOwn(planned, name)) return planned[name] ?? '';
  const option = dotted([...path, name]);
  const pattern = Object.keys(shape.patternProperties ?? {})[0];
  if (pattern !== undefined)
    return `${option} is not a possible name: it must be ${shape['x-names'] ?? `text like ${pattern}`}.`;
  const names = propertiesOf(schema).map(([known]) => known);
  const near = suggest(name, names);
  if (near !== undefined) return `${option} is not an option. Did you mean ${dotted([...path, near])}?`;
  const elsewhere = findOption(root, name, []);
  if (elsewhere !== undefined) return `${option} is not an option. Did you mean ${dotted(elsewhere)}?`;
  return `${option} is not an option. ${path.length === 0 ? 'Options' : `Options of ${dotted(path)}`}: ${names.join(', ')}.`;
}

function findOption(schema: TSchema, name: string, path: Path): Path | undefined {
  for (const [known, option] of propertiesOf(schema)) {
    if (known === name) return [...path, known];
    const found = findOption(option, name, [...path, known]);
    if (found !== undefined) return found;
  }
  return undefined;
}

function resolveList(schema: TSchema, items: TSchema, node: WrittenTree, path: Path, to: Resolving): unknown {
  const list = listOf(schema, node);
  const maximum = shapeOf(schema).maxItems ?? 100;
  if (list === undefined || list.length > maximum) return refuse(schema, node, path, to);
  if (node.where === 'default' || list.length === 0)
    to.shown.set(dotted(path), { value: shownValue(schema, node), where: node.where });
  const isDefault = node.where === 'default';
  return list.map((item, index) => resolveOption(items, item, [...path, String(index)], isDefault ? quiet(to) : to));
}

/** Listeners may be written short: true is one with the defaults, false is none. */
function listOf(schema: TSchema, node: WrittenTree): readonly WrittenTree[] | undefined {
  if (node.kind === 'list') return node.items;
  if (typeOf(schema) !== 'listeners') return undefined;
  if (node.kind === 'map') return [node];
  if (node.value === true) return [{ kind: 'map', members: new Map(), where: node.where }];
  return node.value === false ? [] : undefined;
}

/** What a default stands for is not listed option by option. */
function quiet(to: Resolving): Resolving {
  return { ...to, shown: new Map() };
}

function resolveLeaf(schema: TSchema, node: WrittenTree, path: Path, to: Resolving): unknown {
  const shape = shapeOf(schema);
  const problemsBefore = to.problems.length;
  const value = plain(node, path, to, shape['x-secret']);
  // Of a reference that leads nowhere: what stands there instead is nothing that anybody wrote.
  if (to.problems.length > problemsBefore) {
    to.shown.set(dotted(path), { value: shownValue(schema, node), where: node.where });
    return undefined;
  }
  if (typeof value === 'string' && Object.hasOwn(shape['x-planned'] ?? {}, value)) {
    to.problems.push({ where: node.where, what: `${dotted(path)}: ${shape['x-planned']?.[value]}` });
    return undefined;
  }
  if (Value.Errors(schema, value).length > 0) return refuse(schema, node, path, to);
  const resolved = convert(schema, value, to.workingDirectory);
  if (resolved === undefined) return refuse(schema, node, path, to);
  to.shown.set(dotted(path), { value: shownValue(schema, node), where: node.where });
  return resolved;
}

function convert(schema: TSchema, value: unknown, workingDirectory: string): unknown {
  const shape = shapeOf(schema);
  if (typeof value !== 'string') return value;
  if (shape['x-unit'] === 'duration') return parseDuration(value);
  if (shape['x-unit'] === 'size') return parseSize(value);
  if (shape['x-unit'] === 'percent') return parsePercent(value);
  if (shape['x-path'] === true) return isAbsolute(value) ? value : resolvePath(workingDirectory, value);
  return value;
}

/** The written value with its secrets filled in. */
function plain(node: WrittenTree, path: Path, to: Resolving, isSecret = false): unknown {
  if (node.kind === 'list') return node.items.map((item, index) => plain(item, [...path, String(index)], to));
  if (node.kind === 'map') {
    const entries = [...node.members].map(([name, member]) => [name, plain(member.node, [...path, name], to)]);
    return Object.fromEntries(entries);
  }
  if (typeof node.value !== 'string') return node.value;
  const expanded = expandSecrets(node.value, to.env, isSecret);
  for (const what of expanded.problems) to.problems.push({ where: node.where, what: `${dotted(path)}: ${what}` });
  return expanded.text;
}

function refuse(schema: TSchema, node: WrittenTree, path: Path, to: Resolving): undefined {
  to.shown.set(dotted(path), { value: shownValue(schema, node), where: node.where });
  const text = node.kind === 'leaf' && typeof node.value === 'string' ? node.value : undefined;
  const near = text === undefined ? undefined : suggest(text, shapeOf(schema).enum ?? []);
  const hint = near === undefined ? '' : ` Did you mean ${near}?`;
  to.problems.push({
    where: node.where,
    what: `${dotted(path)} is ${refusedValue(schema, node)}, but must be ${expectation(schema)}.${hint}`,
  });
  return undefined;
}

function dotted(path: Path): string {
  return path.join('.');
}
