/**
 * An event while the parsers make it. Payload and further metadata are JSON text from the start, since most of it is
 * pasted from the record as it stands.
 */
import { isUtf8 } from 'node:buffer';
import type { Level } from '../event/event.ts';
import type { RawMeta } from '../event/raw-meta.ts';
import { BASE64_PREFIX } from './layout/rebuild.ts';
import type { RawRecord } from './record.ts';
import { isPlain, quote, quotePlain } from './text/json-text.ts';

export class Draft {
  // What it is made of.
  record: RawRecord;
  /** The record as text. */
  text: string;
  /** Whether no part of the text needs an escape but for quotes (json-text.ts). */
  plain: boolean;

  // What it becomes.
  timestamp = 0;
  /** Whether the sender said when. */
  hasTime = false;
  type = 'log';
  source: string | undefined;
  level: Level | undefined;
  message: string | undefined;
  tags: readonly string[] | undefined;
  team: string | undefined;
  app: string | undefined;
  host: string | undefined;
  /** More members of metadata, `"a":1,"b":2`. */
  metadata = '';
  /** Members of payload, `"a":1,"b":2`. */
  payload = '';
  /** Undefined: the original is kept. */
  layout: string | undefined;
  exact: string | undefined;

  constructor(record: RawRecord, text = record.bytes.toString('utf8', record.start, record.end)) {
    this.record = record;
    this.text = text;
    this.plain = isPlain(this.text);
    this.clear();
  }

  /** Takes back everything that was made of it. */
  clear(): void {
    this.hasTime = false;
    this.timestamp = this.record.receivedMs;
    this.type = 'log';
    this.source = undefined;
    this.level = undefined;
    this.message = undefined;
    this.tags = undefined;
    this.team = undefined;
    this.app = undefined;
    this.host = undefined;
    this.metadata = '';
    this.payload = '';
    this.layout = undefined;
    this.exact = undefined;
  }

  /** A string that is part of the text, as JSON. */
  quote(part: string): string {
    return this.plain ? quotePlain(part) : quote(part);
  }

  addMetadata(key: string, json: string): void {
    this.metadata += this.metadata === '' ? `"${key}":${json}` : `,"${key}":${json}`;
  }

  /** What the sender's connection or request said, where the line says nothing. */
  fillFrom(meta: RawMeta): void {
    this.team ??= meta.team;
    this.app ??= meta.app;
    this.host ??= meta.host;
  }

  /** The JSON of the event, members in the order of StoredEvent. */
  print(): string {
    const { record, message, level, tags } = this;
    const { meta } = record;
    let json = `{"id":"${record.id}","tenant":${tenantJson(meta)},"timestamp":${this.timestamp},"received":${record.receivedMs}`;
    json += `,"type":${this.type === 'log' ? '"log"' : quote(this.type)},"source":${this.#source()}`;
    if (level !== undefined) json += `,"level":"${level}"`;
    if (message !== undefined) json += `,"message":${this.quote(message)}`;
    if (tags !== undefined && tags.length > 0) json += `,"tags":[${tags.map(quote).join(',')}]`;
    json += `,"metadata":{${this.#metadata()}},"payload":{${this.payload}}`;
    if (this.layout === undefined) json += `,"original":${this.#original()}`;
    else json += `,"layout":${quote(this.layout)}`;
    if (this.exact !== undefined) json += `,"exact":${quote(this.exact)}`;
    return `${json}}`;
  }

  #source(): string {
    const { source, app, host, record } = this;
    if (source !== undefined) return quote(source);
    if (app !== undefined && host !== undefined) return this.quote(`${app}:${host}`);
    return quote(app ?? host ?? record.meta.input);
  }

  #metadata(): string {
    const { team, app, host, metadata } = this;
    let json = '';
    if (team !== undefined) json = `"team":${quote(team)}`;
    if (app !== undefined) json += `${json === '' ? '' : ','}"app":${quote(app)}`;
    if (host !== undefined) json += `${json === '' ? '' : ','}"host":${quote(host)}`;
    if (metadata !== '') json += json === '' ? metadata : `,${metadata}`;
    return json;
  }

  /** Whether the record's bytes are valid UTF-8, and the text so all of them. */
  get isValid(): boolean {
    const { record, text } = this;
    return this.plain || !text.includes('\ufffd') || isUtf8(record.bytes.subarray(record.start, record.end));
  }

  #original(): string {
    const { text, record } = this;
    if (this.isValid && !text.startsWith(BASE64_PREFIX)) return quote(text);
    return `"${BASE64_PREFIX}${record.bytes.toString('base64', record.start, record.end)}"`;
  }
}

let lastMeta: RawMeta | undefined;
let lastTenantJson = '';

function tenantJson(meta: RawMeta): string {
  if (meta !== lastMeta) {
    lastMeta = meta;
    lastTenantJson = quote(meta.tenant);
  }
  return lastTenantJson;
}
