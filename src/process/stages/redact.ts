/**
 * Takes card numbers and e-mail addresses out of an event, wherever they stand: in the message, in values and keys, and
 * in the original and exact texts. What `raw` holds is not touched: its retention says how long it is there.
 */
import { type Static, Type } from 'typebox';
import type { JsonObject, JsonValue, StoredEvent } from '../../event/event.ts';
import { BASE64_PREFIX } from '../layout/rebuild.ts';
import type { StageDefinition } from './stage.ts';

const CARD = /(?<![\w.-])[2-6]\d{3}(?:[ -]?\d){9,15}(?![\w-])/g;
const EMAIL = /[\w.%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,63}/g;

export const RedactSchema = Type.Object(
  {
    stage: Type.Literal('redact'),
    what: Type.Array(Type.Enum(['card', 'email']), {
      minItems: 1,
      uniqueItems: true,
      description: 'Payment card numbers (of 13 to 19 digits whose check digit is right), e-mail addresses.',
    }),
  },
  {
    additionalProperties: false,
    description:
      'Takes card numbers and e-mail addresses out of events, wherever they stand; `raw` keeps what was sent for its retention.',
  },
);
export type RedactOptions = Static<typeof RedactSchema>;
type What = RedactOptions['what'][number];

const REDACT: Readonly<Record<What, (text: string) => string>> = {
  card: (text) => text.replace(CARD, (digits) => (passesLuhn(digits.replace(/\D/g, '')) ? '[card]' : digits)),
  email: (text) => (text.includes('@') ? text.replace(EMAIL, '[email]') : text),
};

export const redact: StageDefinition<RedactOptions> = {
  schema: RedactSchema,
  compile({ what }, place) {
    const clean = (text: string): string => what.reduce((rest, kind) => REDACT[kind](rest), text);
    return { of: 'event', rule: place, evaluate: (event) => new Redaction(clean).event(event) };
  },
};

/** The check digit of card numbers (ISO/IEC 7812-1, annex B). */
function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i]) * (i % 2 === 0 ? 1 : 2);
    sum += digit > 9 ? digit - 9 : digit;
  }
  return digits.length >= 13 && sum % 10 === 0;
}

class Redaction {
  readonly #clean: (text: string) => string;
  #changed = false;
  /** Whether a key or a number is another one now: then the layout does not fit any more. */
  #reshaped = false;

  constructor(clean: (text: string) => string) {
    this.#clean = clean;
  }

  event(event: StoredEvent): StoredEvent {
    const { id, tenant, timestamp, received, level, message, tags, layout } = event;
    const type = this.#text(event.type);
    const source = this.#text(event.source);
    const cleanMessage = message === undefined ? undefined : this.#text(message);
    const cleanTags = tags?.map((tag) => this.#text(tag));
    const metadata = this.#object(event.metadata);
    const payload = this.#object(event.payload);
    const original = event.original === undefined ? undefined : this.#original(event.original);
    const exact = event.exact === undefined ? undefined : this.#json(event.exact);
    if (!this.#changed) return event;
    return {
      ...{ id, tenant, timestamp, received, type, source },
      ...(level !== undefined && { level }),
      ...(cleanMessage !== undefined && { message: cleanMessage }),
      ...(cleanTags !== undefined && { tags: cleanTags }),
      ...{ metadata, payload },
      ...(layout !== undefined && !this.#reshaped && { layout }),
      ...(original !== undefined && { original }),
      ...(exact !== undefined && { exact }),
    };
  }

  #text(text: string): string {
    const cleaned = this.#clean(text);
    if (cleaned !== text) this.#changed = true;
    return cleaned;
  }

  #object(object: JsonObject): JsonObject {
    const members = new Map<string, JsonValue>();
    for (const [key, value] of Object.entries(object)) {
      let name = this.#text(key);
      if (name !== key) this.#reshaped = true;
      while (members.has(name)) name += '_';
      members.set(name, this.#value(value));
    }
    return Object.fromEntries(members);
  }

  #value(value: JsonValue): JsonValue {
    if (typeof value === 'string') return this.#text(value);
    if (typeof value === 'number') return this.#number(value);
    if (Array.isArray(value)) return oneKind(value.map((item) => this.#value(item)));
    return value !== null && typeof value === 'object' ? this.#object(value) : value;
  }

  #number(value: number): JsonValue {
    const cleaned = this.#text(String(value));
    if (cleaned === String(value)) return value;
    this.#reshaped = true;
    return cleaned;
  }

  #original(original: string): string | undefined {
    if (!original.startsWith(BASE64_PREFIX)) return this.#raw(original);
    const bytes = Buffer.from(original.slice(BASE64_PREFIX.length), 'base64').toString('latin1');
    const cleaned = this.#raw(bytes);
    return cleaned === undefined ? undefined : BASE64_PREFIX + Buffer.from(cleaned, 'latin1').toString('base64');
  }

  #json(text: string): string | undefined {
    const cleaned = this.#raw(text);
    if (cleaned === undefined || cleaned === text) return cleaned;
    try {
      JSON.parse(cleaned);
      return cleaned;
    } catch {
      return undefined;
    }
  }

  /** Text as it was sent; undefined where something stands in it behind escapes, which cannot be taken out alone. */
  #raw(text: string): string | undefined {
    const cleaned = this.#text(text);
    const readable = cleaned.replace(/\\u([0-9a-fA-F]{4})/g, (_, code: string) =>
      String.fromCharCode(Number.parseInt(code, 16)),
    );
    return readable === cleaned || this.#text(readable) === readable ? cleaned : undefined;
  }
}

/** An array of an event holds values of one kind. */
function oneKind(items: JsonValue[]): JsonValue[] {
  const isMixed = items.some((item) => typeof item === 'string') && items.some((item) => typeof item === 'number');
  return isMixed ? items.map(String) : items;
}
