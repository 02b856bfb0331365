/**
 * The kinds of values an option can have beside TypeBox's own, and how they look once resolved: a duration `retention`
 * becomes the number `retentionMs`, a size `maxSize` becomes `maxSizeBytes`, a share `highWater` becomes
 * `highWaterPercent`, a listener list becomes an array.
 */
import { type Static, type TObject, type TProperties, type TSchema, Type } from 'typebox';
import {
  DURATION_PATTERN,
  type DurationText,
  PERCENT_PATTERN,
  type PercentText,
  SIZE_PATTERN,
  type SizeText,
} from '../lib/units.ts';

/** What every option says about itself; the reference page is made of it. */
export interface About {
  readonly description: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly 'x-needed'?: true;
  readonly 'x-secret'?: true;
  readonly 'x-with'?: readonly string[];
}

/** Own members of our schemas, beside JSON Schema's. */
export interface Marks {
  readonly 'x-unit'?: 'duration' | 'size' | 'percent';
  /** What a value must be, in words, where its pattern does not speak for itself. */
  readonly 'x-expects'?: string;
  /** The same for the names of a map's entries. */
  readonly 'x-names'?: string;
  /** A path: made absolute against the working directory. */
  readonly 'x-path'?: true;
  /** true, false, one object or a list of them. */
  readonly 'x-listeners'?: TSchema;
  /** Names or values that a later version brings, with what this version has instead. */
  readonly 'x-planned'?: Readonly<Record<string, string>>;
  /** The engine that the option belongs to, of the section around it that has `engine` (see engine-section.ts). */
  readonly 'x-engine'?: string;
  /** Its engine cannot do without it. */
  readonly 'x-needed'?: true;
  /** Its value is shown nowhere: not by `config print`, in no error. */
  readonly 'x-secret'?: true;
  /** Names of options beside it without which it would mean nothing: who sets it has to set them too. */
  readonly 'x-with'?: readonly string[];
}

/** For `x-planned`. */
export const notYet = (what: string, instead: string): string =>
  `${what} is not there yet: this version has ${instead}`;

export function Section<P extends TProperties>(
  properties: P,
  about: { readonly description: string } & Marks,
): TObject<P> {
  return Type.Object(properties, { ...about, additionalProperties: false });
}

export const Duration = (about: About) =>
  Type.Unsafe<DurationText>({ type: 'string', pattern: DURATION_PATTERN, 'x-unit': 'duration', ...about });

export const Size = (about: About) =>
  Type.Unsafe<SizeText>({ type: 'string', pattern: SIZE_PATTERN, 'x-unit': 'size', ...about });

export const Percent = (about: About) =>
  Type.Unsafe<PercentText>({ type: 'string', pattern: PERCENT_PATTERN, 'x-unit': 'percent', ...about });

export const Path = (about: About) => Type.String({ minLength: 1, maxLength: 4_096, 'x-path': true, ...about });

export const Host = (about: About) =>
  Type.String({
    minLength: 1,
    maxLength: 253,
    pattern: '^[A-Za-z0-9_.:-]+$',
    'x-expects': 'a host name or IP address',
    ...about,
  });

export const Port = (about: About) => Type.Integer({ minimum: 0, maximum: 65_535, ...about });

/** Sockets of one input: `true` for the defaults, `false` for none, an object, or a list of objects. */
export const Listeners = <Item extends TObject>(item: Item, about: About) =>
  Type.Unsafe<readonly Static<Item>[]>({
    anyOf: [{ type: 'boolean' }, item, { type: 'array', items: item, maxItems: 100 }],
    'x-listeners': item,
    ...about,
  });

type Plain = string | number | boolean | null | undefined;
type Resolved<T> = T extends DurationText | SizeText | PercentText
  ? number
  : T extends Plain
    ? T
    : T extends readonly (infer Item)[]
      ? readonly Resolved<Item>[]
      : { readonly [K in keyof T as ResolvedName<K, NonNullable<T[K]>>]: Resolved<T[K]> };
type ResolvedName<K, V> = K extends string
  ? V extends DurationText
    ? `${K}Ms`
    : V extends SizeText
      ? `${K}Bytes`
      : V extends PercentText
        ? `${K}Percent`
        : K
  : K;

/** The resolved form of what a schema describes. */
export type ResolvedOf<Schema extends TSchema> = Resolved<Static<Schema>>;

/** The name of an option once it is resolved. */
export function resolvedName(name: string, schema: Marks): string {
  if (schema['x-unit'] === 'duration') return `${name}Ms`;
  if (schema['x-unit'] === 'percent') return `${name}Percent`;
  return schema['x-unit'] === 'size' ? `${name}Bytes` : name;
}
