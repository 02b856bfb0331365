/** Looks into a schema: TypeBox schemas are JSON Schema objects whose TypeScript type does not show their members. */
import type { TSchema } from 'typebox';
import type { Marks } from './kinds.ts';

export interface Shape extends Marks {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly enum?: readonly string[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly items?: TSchema;
  readonly properties?: Readonly<Record<string, TSchema>>;
  readonly patternProperties?: Readonly<Record<string, TSchema>>;
  readonly additionalProperties?: boolean;
  readonly required?: readonly string[];
}

export function shapeOf(schema: TSchema): Shape {
  return schema as Shape;
}

export function propertiesOf(schema: TSchema): [string, TSchema][] {
  return Object.entries(shapeOf(schema).properties ?? {});
}

/** The schema of what a list, or a map by name, holds. */
export function entriesOf(schema: TSchema): TSchema | undefined {
  const shape = shapeOf(schema);
  return shape['x-listeners'] ?? shape.items ?? Object.values(shape.patternProperties ?? {})[0];
}

/** `string`, `integer`, `boolean`, `object`, `array`, or `listeners`. */
export function typeOf(schema: TSchema): string {
  const shape = shapeOf(schema);
  if (shape['x-listeners'] !== undefined) return 'listeners';
  return shape.enum !== undefined ? 'string' : (shape.type ?? 'unknown');
}

/** What a value must be, in words: `a whole number from 0 to 65535`. */
export function expectation(schema: TSchema): string {
  const shape = shapeOf(schema);
  if (shape['x-expects'] !== undefined) return shape['x-expects'];
  if (shape['x-secret'] === true) return `text of ${shape.minLength ?? 0} to ${shape.maxLength ?? '∞'} characters`;
  if (shape['x-unit'] === 'duration') return 'a duration such as 30d, 12h, 15m, 30s or 250ms';
  if (shape['x-unit'] === 'size') return 'a size such as 64MiB, 10GiB or 500MB';
  if (shape['x-unit'] === 'percent') return 'a share such as 90%';
  if (shape['x-listeners'] !== undefined) return 'true, false, an object or a list of objects';
  if (shape['x-path'] !== undefined) return 'a path';
  if (shape.const !== undefined) return String(shape.const);
  if (shape.enum !== undefined) return shape.enum.length === 1 ? `${shape.enum[0]}` : `one of ${shape.enum.join(', ')}`;
  switch (shape.type) {
    case 'integer':
      return `a whole number from ${shape.minimum ?? '-∞'} to ${shape.maximum ?? '∞'}`;
    case 'boolean':
      return 'true or false';
    case 'array':
      return listExpectation(shape);
    case 'object':
      return 'a section with options';
    default:
      return shape.pattern === undefined ? 'text' : `text like ${shape.pattern}`;
  }
}

function listExpectation({ items, maxItems }: Shape): string {
  const choices = items === undefined ? undefined : shapeOf(items).enum;
  if (choices !== undefined) return `a list of any of ${choices.join(', ')}`;
  return maxItems === undefined ? 'a list' : `a list of at most ${maxItems} entries`;
}
