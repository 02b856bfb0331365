/**
 * Syslog as RFC 3164 describes it and as devices really send it: `<PRI>Mmm dd hh:mm:ss HOST TAG[PID]: CONTENT`, of which
 * every part may be missing. What is not recognised as header stays in the message, so nothing is lost.
 */
import type { Draft } from '../draft.ts';
import type { LayoutBook } from '../layout/book.ts';
import { LEVEL_OF_SEVERITY } from '../text/levels.ts';
import type { TimeReader } from '../time/any.ts';
import type { ReadTime } from '../time/iso.ts';
import { priLength, readPri } from './pri.ts';

/** `sshd(pam_unix)[19939]: `, `kernel: `, `app:text`. */
const TAG = /([^\s:[\]<>"]{1,128})(?:\[([^\]\s]{0,128})\])?:( ?)/y;
/** `Foo::Bar[12]: `: a name with colons needs the process id to be told apart. */
const TAG_WITH_COLONS = /([^\s[\]<>"]{1,128})\[([^\]\s]{1,128})\]:( ?)/y;
const HOST = /([\w][^\s:[\]<>"=]{0,254}|[0-9a-fA-F:.]{3,45}) /y;
/** Cisco: `%ASA-6-302013: `, `%LINEPROTO-5-UPDOWN: `. */
const CISCO = /%([A-Z][A-Z0-9_]*)-(?:[A-Z0-9_]+-)*([0-7])-([A-Z0-9_]+)(?=:)/y;
/** What Cisco puts before the time: a sequence number, the host, and marks of a clock that is not synchronised. */
const CISCO_PREFIX = /(?:\d+: ){0,2}(?:([^\s:%*]{1,255}): )?(?:\d+: )?[*.]?/y;
/** What follows a time: its zone, or the colon of Cisco. */
const CISCO_ZONE = /(?: [A-Z]{2,5})?: /y;

export class Rfc3164Parser {
  readonly #times: TimeReader;
  readonly #book: LayoutBook;

  constructor(times: TimeReader, book: LayoutBook) {
    this.#times = times;
    this.#book = book;
  }

  /** Fills in the draft: anything is a message of this kind. */
  parse(draft: Draft): void {
    const { text, record } = draft;
    const pri = readPri(text);
    let at = 0;
    let layout = 'L';
    if (pri >= 0) {
      at = priLength(pri);
      layout = 'L<%P>';
      draft.metadata = `"facility":${pri >> 3},"severity":${pri & 7}`;
      draft.level = LEVEL_OF_SEVERITY[pri & 7];
    }
    const time = this.#readTime(text, at, record.receivedMs);
    if (time === undefined) {
      layout += this.#withoutTime(draft, at);
    } else {
      draft.timestamp = time.ms;
      draft.hasTime = true;
      if (time.subMs !== '') draft.addMetadata('sub_ms', `"${time.subMs}"`);
      const { form, end } = time;
      const rest = this.#header(draft, end + 1);
      layout = form === undefined ? '' : `${layout}%T${form}; ${rest}`;
    }
    if (layout !== '') draft.layout = this.#book.give(layout === 'L%m' ? 'm' : layout, record.receivedMs);
  }

  /** The time of the header, followed by a space. */
  #readTime(text: string, at: number, receivedMs: number): ReadTime | undefined {
    const { bsd, iso } = this.#times;
    const code = text.charCodeAt(at);
    const time = code >= 0x41 && code <= 0x5a ? bsd : code >= 0x30 && code <= 0x39 ? iso : undefined;
    if (time === undefined || (time === iso && text[at + 10] !== 'T') || !time.read(text, at, receivedMs))
      return undefined;
    return text.charCodeAt(time.end) === 0x20 ? time : undefined;
  }

  /** Host, tag and content from `at` on; the answer is their layout. */
  #header(draft: Draft, at: number): string {
    const { text } = draft;
    const tagged = this.#tag(draft, at);
    if (tagged !== undefined) return tagged;
    HOST.lastIndex = at;
    const host = HOST.exec(text)?.[1];
    if (host === undefined || text.charCodeAt(at) === 0x25) return this.#content(draft, at);
    draft.host = host;
    const rest = at + host.length + 1;
    return `%h ${this.#tag(draft, rest) ?? this.#content(draft, rest)}`;
  }

  /** The tag and what follows it; undefined where there is none at `at`. */
  #tag(draft: Draft, at: number): string | undefined {
    const { text } = draft;
    if (text.charCodeAt(at) === 0x25) return undefined;
    const simple = matchAt(TAG, text, at);
    // `10:20` and `http://` are no tags.
    const isTag = simple !== null && (simple[3] !== '' || simple[2] !== undefined || TAG.lastIndex === text.length);
    const match = isTag ? simple : matchAt(TAG_WITH_COLONS, text, at);
    if (match === null) return undefined;
    const [whole, app = '', procid, space = ''] = match;
    draft.app = app;
    if (procid !== undefined) draft.addMetadata('procid', draft.quote(procid));
    draft.message = text.substring(at + whole.length);
    return `%a${procid === undefined ? '' : '%[%p]'}:${space}%m`;
  }

  #content(draft: Draft, at: number): string {
    // Cisco's ASA writes `HOST : %ASA-…`.
    const gap = draft.text.startsWith(': ', at) ? ': ' : '';
    draft.message = draft.text.substring(at + gap.length);
    this.#cisco(draft, at + gap.length);
    return `${gap}%m`;
  }

  /** No time where RFC 3164 has it: Cisco's order, or none at all. */
  #withoutTime(draft: Draft, at: number): string {
    const { text, record } = draft;
    draft.message = text.substring(at);
    CISCO_PREFIX.lastIndex = at;
    const prefix = CISCO_PREFIX.exec(text);
    const end = at + (prefix?.[0].length ?? 0);
    const { bsd } = this.#times;
    if (prefix !== null && bsd.read(text, end, record.receivedMs)) {
      const zone = matchAt(CISCO_ZONE, text, bsd.end);
      if (zone !== null) {
        draft.timestamp = bsd.ms;
        draft.hasTime = true;
        if (prefix[1] !== undefined) draft.host = prefix[1];
        this.#cisco(draft, bsd.end + zone[0].length);
        return '%m';
      }
    }
    if (at > 0) return this.#tag(draft, at) ?? this.#content(draft, at);
    return '%m';
  }

  /** `%FACILITY-SEVERITY-MNEMONIC:` names app and msgid; it stays in the message. */
  #cisco(draft: Draft, at: number): void {
    const match = matchAt(CISCO, draft.text, at);
    if (match === null) return;
    const [whole, facility = '', severity] = match;
    draft.app = facility;
    draft.addMetadata('msgid', draft.quote(whole));
    draft.level ??= LEVEL_OF_SEVERITY[Number(severity)];
  }
}

function matchAt(shape: RegExp, text: string, at: number): RegExpExecArray | null {
  shape.lastIndex = at;
  return shape.exec(text);
}
