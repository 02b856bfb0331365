/**
 * Sections whose work can be done by one engine of several. Each option stands with the engine that it belongs to, or with
 * those of all engines, so a new one cannot be left undecided. With another engine it is refused (see together.ts).
 */
import { type TObject, type TProperties, type TSchema, type TUnsafe, Type } from 'typebox';
import { Section } from './kinds.ts';
import { shapeOf } from './shape.ts';

/** One engine of several, the first by default; the planned ones are refused with a sentence. */
export const Engine = <const Names extends readonly [string, ...string[]]>(
  names: Names,
  planned: Readonly<Record<string, string>>,
  description: string,
) => Type.Unsafe<Names[number]>({ enum: names, default: names[0], description, 'x-planned': planned });

type AtOnce<Union> = (Union extends unknown ? (of: Union) => void : never) extends (of: infer All) => void
  ? All
  : never;

export interface EngineParts<Name extends string, Only, All> {
  readonly description: string;
  readonly engine: TUnsafe<Name>;
  /** Options that mean the same with every engine. */
  readonly all: All;
  /** Options by the one engine that they belong to. */
  readonly only: Only;
}

export function EngineSection<
  Name extends string,
  Only extends Readonly<Record<Name, TProperties>>,
  All extends TProperties,
>(parts: EngineParts<Name, Only, All>): TObject<{ engine: TUnsafe<Name> } & All & AtOnce<Only[Name]>> {
  const { description, engine, all, only } = parts;
  const owned = Object.entries<TProperties>(only).flatMap(([name, options]) =>
    Object.entries(options).map(([option, schema]) => [option, ofEngine(name, schema)] as const),
  );
  // The same options, as one object.
  const properties = { engine, ...all, ...Object.fromEntries(owned) } as { engine: TUnsafe<Name> } & All &
    AtOnce<Only[Name]>;
  return Section(properties, { description });
}

/** Marks an option, or a section of them, and says so in its description. It is for options that were made just now. */
export function ofEngine<Option extends TSchema>(engine: string, option: Option): Option {
  const description = `${shapeOf(option).description ?? ''} Only with \`engine: ${engine}\`.`.trimStart();
  // No copy: what TypeBox notes in a schema for itself is not enumerable, and would be missing in it.
  return Object.assign(option, { 'x-engine': engine, description });
}
