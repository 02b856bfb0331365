/**
 * Which options go together, as the schema marks them: those of one engine (`x-engine`), those that their engine cannot do
 * without (`x-needed`), and those that mean nothing alone (`x-with`). What only has its default was asked for by nobody.
 */
import type { TSchema } from 'typebox';
import { variables } from './environment.ts';
import type { Problem } from './problem.ts';
import { ConfigSchema } from './schema.ts';
import { entriesOf, shapeOf } from './shape.ts';

/** By dotted path: what was written, and where; `default` for defaults. */
export type Written = ReadonlyMap<string, { readonly value: unknown; readonly where: string }>;

/** An option that belongs to one engine of its section. */
interface Owned {
  readonly option: string;
  readonly engine: string;
  /** The section whose engine it is: `queue`. */
  readonly section: string;
}

/** Options that were set and belong to an engine which is not chosen. */
export function strayProblems(config: unknown, written: Written): Problem[] {
  const strays = new Map<string, Problem>();
  for (const [path, { where }] of written) {
    if (where === 'default') continue;
    const owned = ownedAt(path);
    if (owned === undefined || !isOfAnother(owned, config) || strays.has(owned.option)) continue;
    const { option, engine, section } = owned;
    const chosenAt = whereOf(written, `${section}.engine`);
    const chosen = `${section}.engine is ${engineOf(config, section)} (${chosenAt === 'default' ? 'the default' : chosenAt})`;
    const what = `${option} is of the engine ${engine}, but ${chosen}. Set ${section}.engine: ${engine}, or remove ${option}.`;
    strays.set(option, { where, what });
  }
  return [...strays.values()];
}

/** What holds: defaults of another engine's options do not. */
export function withoutStrays(config: unknown, written: Written): Written {
  return new Map(
    [...written].filter(([path]) => {
      const owned = ownedAt(path);
      return owned === undefined || !isOfAnother(owned, config);
    }),
  );
}

/** Options without which another one cannot be. Every value has to be right by itself. */
export function missingProblems(config: unknown, written: Written): Problem[] {
  return [...variables(ConfigSchema).values()].flatMap(({ path, schema }) => [
    ...neededProblems(path.join('.'), schema, config, written),
    ...aloneProblems(path, schema, written),
  ]);
}

function neededProblems(option: string, schema: TSchema, config: unknown, written: Written): Problem[] {
  const { 'x-needed': isNeeded, examples = [] } = shapeOf(schema);
  const owned = ownedAt(option);
  if (isNeeded !== true || owned === undefined || isOfAnother(owned, config)) return [];
  const value = valueAt(config, option);
  if (value !== undefined && !(Array.isArray(value) && value.length === 0)) return [];
  const engine = `${owned.section}.engine`;
  const what = `${engine} is ${owned.engine}, which needs ${option}, such as ${JSON.stringify(examples[0])}.`;
  return [{ where: whereOf(written, engine), what }];
}

function aloneProblems(path: readonly string[], schema: TSchema, written: Written): Problem[] {
  const option = path.join('.');
  const where = whereOf(written, option);
  const { default: usual, 'x-with': names = [] } = shapeOf(schema);
  // What `config print` prints has every default, and is right.
  if (where === 'default' || written.get(option)?.value === usual) return [];
  const others = names.map((name) => [...path.slice(0, -1), name].join('.'));
  return others
    .filter((other) => (written.get(other)?.value ?? false) === false)
    .map((other) => {
      const missing = written.has(other) ? `${other}: true` : other;
      return { where, what: `${option} is set without ${missing}. Set that too, or remove ${option}.` };
    });
}

/** Whose option is written at the path; undefined where it is of every engine. */
function ownedAt(path: string): Owned | undefined {
  const names = path.split('.');
  let schema: TSchema = ConfigSchema;
  let option = '';
  let section = '';
  let engine: string | undefined;
  for (const [depth, name] of names.entries()) {
    const { properties = {} } = shapeOf(schema);
    if (Object.hasOwn(properties, 'engine')) section = names.slice(0, depth).join('.');
    const named = Object.hasOwn(properties, name) ? properties[name] : undefined;
    const next = named ?? entriesOf(schema);
    if (next === undefined) break;
    if (named !== undefined) option = names.slice(0, depth + 1).join('.');
    schema = next;
    engine = shapeOf(schema)['x-engine'] ?? engine;
  }
  return engine === undefined ? undefined : { option, engine, section };
}

/** Where the engine itself is wrong nothing can be said of its options. */
function isOfAnother({ section, engine }: Owned, config: unknown): boolean {
  const chosen = engineOf(config, section);
  return chosen !== undefined && chosen !== engine;
}

const engineOf = (config: unknown, section: string): unknown => valueAt(config, `${section}.engine`);

const whereOf = (written: Written, option: string): string => written.get(option)?.where ?? 'default';

function valueAt(config: unknown, path: string): unknown {
  return path.split('.').reduce((value: unknown, name) => Reflect.get(Object(value), name), config);
}
