/**
 * Syslog as RFC 5424 says, section 6: `<PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA MSG`, with `-` for
 * what is missing. Senders that leave the structured data out or break it have all of the rest as their message.
 */
import { PROCESS_LIMITS } from '../../lib/limits.ts';
import type { Draft } from '../draft.ts';
import type { LayoutBook } from '../layout/book.ts';
import { LEVEL_OF_SEVERITY } from '../text/levels.ts';
import type { TimeReader } from '../time/any.ts';
import { priLength, readPri } from './pri.ts';
import { SdShapes } from './sd-shapes.ts';
import { readStructuredData } from './structured-data.ts';

const SPACE = 0x20;
const NIL = 0x2d;
const OPEN = 0x5b;
const VERSION = '1 ';
const BOM = 0xfeff;

const NO_HOST = 1;
const NO_APP = 2;
const NO_PROCID = 4;
const NO_MSGID = 8;

export class Rfc5424Parser {
  readonly #times: TimeReader;
  readonly #book: LayoutBook;
  readonly #shapes = new SdShapes();
  readonly #heads = new Map<string, string[]>();
  #subMs = '';
  // The layout given last, and what it was made of: the next record's is mostly the same.
  #head = '';
  #sd = '';
  #tail = '';
  #layout: string | undefined;

  constructor(times: TimeReader, book: LayoutBook) {
    this.#times = times;
    this.#book = book;
  }

  /** Whether the record is such a message; the draft is filled in then, and not touched otherwise. */
  parse(draft: Draft): boolean {
    const { text } = draft;
    const pri = readPri(text);
    if (pri < 0) return false;
    let at = priLength(pri);
    if (!text.startsWith(VERSION, at)) return false;
    at += VERSION.length;
    const timeEnd = text.indexOf(' ', at);
    const hostEnd = text.indexOf(' ', timeEnd + 1);
    const appEnd = text.indexOf(' ', hostEnd + 1);
    const procidEnd = text.indexOf(' ', appEnd + 1);
    if (timeEnd < 0 || hostEnd < 0 || appEnd < 0 || procidEnd < 0) return false;
    const msgidEnd = text.indexOf(' ', procidEnd + 1);
    const form = this.#time(draft, at, timeEnd);
    if (form === undefined) return false;
    let missing = 0;
    if (isNil(text, timeEnd + 1, hostEnd)) missing |= NO_HOST;
    else draft.host = text.substring(timeEnd + 1, hostEnd);
    if (isNil(text, hostEnd + 1, appEnd)) missing |= NO_APP;
    else draft.app = text.substring(hostEnd + 1, appEnd);
    let metadata = `"facility":${pri >> 3},"severity":${pri & 7}`;
    if (isNil(text, appEnd + 1, procidEnd)) missing |= NO_PROCID;
    else metadata += `,"procid":${draft.quote(text.substring(appEnd + 1, procidEnd))}`;
    const end = msgidEnd < 0 ? text.length : msgidEnd;
    if (isNil(text, procidEnd + 1, end)) missing |= NO_MSGID;
    else metadata += `,"msgid":${draft.quote(text.substring(procidEnd + 1, end))}`;
    draft.metadata = this.#subMs === '' ? metadata : `${metadata},"sub_ms":"${this.#subMs}"`;
    draft.level = LEVEL_OF_SEVERITY[pri & 7];
    this.#rest(draft, msgidEnd, this.#headOf(form, missing));
    return true;
  }

  /** Reads the timestamp; the answer is its form, '' for one that cannot be rebuilt, undefined where it is not one. */
  #time(draft: Draft, at: number, end: number): string | undefined {
    this.#subMs = '';
    if (isNil(draft.text, at, end)) return '-';
    const { iso } = this.#times;
    const { receivedMs } = draft.record;
    if (iso.read(draft.text, at, receivedMs)) {
      if (iso.end !== end) return undefined;
      draft.timestamp = iso.ms;
      draft.hasTime = true;
      this.#subMs = iso.subMs;
      return iso.form ?? '';
    }
    // A time that no event can have (before 1970, say) is none, but the message is one.
    return iso.end === end ? '' : undefined;
  }

  /** Structured data and message, from the space after the msgid on (-1: there is nothing more). */
  #rest(draft: Draft, space: number, head: string): void {
    const { text } = draft;
    if (space < 0) {
      this.#layOut(draft, head, '', '');
      return;
    }
    const at = space + 1;
    if (text.charCodeAt(at) === NIL && (at + 1 === text.length || text.charCodeAt(at + 1) === SPACE)) {
      this.#message(draft, at + 1, head, ' -');
    } else if (text.charCodeAt(at) === OPEN && this.#structuredData(draft, at, head)) {
      return;
    } else {
      draft.message = text.substring(at);
      this.#layOut(draft, head, ' ', '%m');
    }
  }

  #structuredData(draft: Draft, at: number, head: string): boolean {
    const { text } = draft;
    if (draft.plain && this.#shapes.read(draft, at) && endsWell(text, this.#shapes.end)) {
      this.#message(draft, this.#shapes.end, head, this.#shapes.layout);
      return true;
    }
    draft.payload = '';
    const data = readStructuredData(text, at);
    if (data === undefined || !endsWell(text, data.end)) return false;
    draft.payload = data.payload;
    this.#message(draft, data.end, data.layout === undefined ? '' : head, ` ${data.layout}`);
    return true;
  }

  #message(draft: Draft, at: number, head: string, sd: string): void {
    const { text } = draft;
    if (at >= text.length) {
      this.#layOut(draft, head, sd, '');
    } else if (text.charCodeAt(at + 1) === BOM) {
      draft.message = text.substring(at + 2);
      this.#layOut(draft, head, sd, ' \ufeff%m');
    } else {
      draft.message = text.substring(at + 1);
      this.#layOut(draft, head, sd, ' %m');
    }
  }

  #layOut(draft: Draft, head: string, sd: string, tail: string): void {
    if (head === '') return;
    if (head !== this.#head || sd !== this.#sd || tail !== this.#tail) {
      this.#layout = this.#book.give(head + sd + tail, draft.record.receivedMs);
      this.#head = head;
      this.#sd = sd;
      this.#tail = tail;
    }
    draft.layout = this.#layout;
  }

  #headOf(form: string, missing: number): string {
    if (form === '') return '';
    let heads = this.#heads.get(form);
    if (heads === undefined) {
      heads = Array.from({ length: 16 }, (_, bits) => head(form, bits));
      if (this.#heads.size >= PROCESS_LIMITS.shapes) this.#heads.clear();
      this.#heads.set(form, heads);
    }
    return heads[missing] ?? '';
  }
}

function isNil(text: string, start: number, end: number): boolean {
  return end - start === 1 && text.charCodeAt(start) === NIL;
}

function endsWell(text: string, end: number): boolean {
  return end === text.length || text.charCodeAt(end) === SPACE;
}

function head(form: string, missing: number): string {
  const time = form === '-' ? '-' : `%T${form};`;
  const fields = [missing & NO_HOST ? '-' : '%h', missing & NO_APP ? '-' : '%a'];
  fields.push(missing & NO_PROCID ? '-' : '%p', missing & NO_MSGID ? '-' : '%i');
  return `L<%P>1 ${time} ${fields.join(' ')}`;
}
