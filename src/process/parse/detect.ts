/**
 * What a text says beside being one: JSON, an access log, pairs, a syslog header, a time, a level. The text stays whole
 * as the message; what is found is added where the record says nothing yet.
 */
import { EVENT_LIMITS } from '../../lib/limits.ts';
import { Draft } from '../draft.ts';
import { MemberTree, pathOf } from '../normalise/member-tree.ts';
import { quote } from '../text/json-text.ts';
import { levelInText, levelOfNumber, levelOfWord } from '../text/levels.ts';
import { isCanonicalNumber } from '../text/numbers.ts';
import type { TimeReader } from '../time/any.ts';
import { readAccessLog } from './access-log.ts';
import type { JsonLineParser } from './json-line.ts';
import { roleOfName } from './json-roles.ts';
import { type Pair, readPairs } from './key-value.ts';
import type { Rfc3164Parser } from './rfc3164.ts';

export const DETECTIONS = ['json', 'access', 'pairs', 'header', 'time', 'level'] as const;
export type Detection = (typeof DETECTIONS)[number];

const TIME_SOMEWHERE = /(?<!\d)\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d/;
const TIME_SEARCHED_CHARS = 64;
const CEE = '@cee:';
const BRACE = 0x7b;

export class Detector {
  readonly #what: ReadonlySet<Detection>;
  readonly #times: TimeReader;
  readonly #json: JsonLineParser;
  readonly #syslog: Rfc3164Parser;

  constructor(what: readonly Detection[], times: TimeReader, json: JsonLineParser, syslog: Rfc3164Parser) {
    this.#what = new Set(what);
    this.#times = times;
    this.#json = json;
    this.#syslog = syslog;
  }

  /** Looks into the message. `hasTime`: the record has said when; `isText`: it came as a line and not as syslog. */
  detect(draft: Draft, hasTime: boolean, isText: boolean): void {
    // Relays such as rsyslog begin the message with the blank that stood before it in their own input.
    const message = draft.message?.trimStart();
    if (message === undefined) return;
    let timed = hasTime;
    if (this.#what.has('json') && mayBeJson(message)) timed = this.#fromJson(draft, message, timed);
    else if (this.#what.has('access') && message.includes('] "')) timed = this.#fromAccessLog(draft, message, timed);
    else if (this.#what.has('pairs')) timed = this.#fromPairs(draft, message, timed);
    if (isText && this.#what.has('header')) timed = this.#fromHeader(draft, timed);
    if (!timed && this.#what.has('time')) this.#fromTime(draft, message);
    if (draft.level === undefined && this.#what.has('level')) draft.level = levelInText(message);
  }

  #fromJson(draft: Draft, message: string, timed: boolean): boolean {
    const start = message.startsWith(CEE) ? message.indexOf('{') : 0;
    const found = new Draft(draft.record, message.substring(start).trimEnd());
    if (!this.#json.parse(found)) return timed;
    takeOver(draft, found);
    addPayload(draft, found.payload);
    draft.exact = found.exact;
    if (timed || !found.hasTime) return timed;
    draft.timestamp = found.timestamp;
    return true;
  }

  #fromAccessLog(draft: Draft, message: string, timed: boolean): boolean {
    const log = readAccessLog(message);
    if (log === undefined) return timed;
    addPairs(draft, log.pairs);
    return timed || this.#setTime(draft, log.time);
  }

  #fromPairs(draft: Draft, message: string, timed: boolean): boolean {
    const pairs = readPairs(message);
    if (pairs === undefined) return timed;
    const rest: Pair[] = [];
    let hasTime = timed;
    for (const pair of pairs) {
      const { key, value } = pair;
      const role = roleOfName(key);
      if (role === 'time' && !hasTime && this.#setTime(draft, value)) hasTime = true;
      else if (role === 'level' && draft.level === undefined) setLevel(draft, value);
      else if ((role === 'app' || role === 'host' || role === 'team') && draft[role] === undefined) draft[role] = value;
      else rest.push(pair);
    }
    addPairs(draft, rest);
    return hasTime;
  }

  /** A line out of a file that syslog wrote. */
  #fromHeader(draft: Draft, timed: boolean): boolean {
    const { text, record } = draft;
    if (!/^(?:<\d{1,3}>)?(?:[A-Z][a-z]{2} [ \d]\d |\d{4}-\d\d-\d\dT)/.test(text)) return timed;
    const found = new Draft(record, text);
    this.#syslog.parse(found);
    const isCertain = found.app !== undefined && (!/^\d/.test(text) || found.metadata.includes('"procid"'));
    if (!isCertain) return timed;
    takeOver(draft, found);
    if (!timed) draft.timestamp = found.timestamp;
    return true;
  }

  #fromTime(draft: Draft, message: string): void {
    const { receivedMs } = draft.record;
    const code = message.charCodeAt(0);
    let time = this.#times.read(message, code === 0x5b || code === 0x28 ? 1 : 0, receivedMs);
    if (time === undefined) {
      const at = message.slice(0, TIME_SEARCHED_CHARS).search(TIME_SOMEWHERE);
      if (at >= 0) time = this.#times.read(message, at, receivedMs);
    }
    if (time !== undefined) draft.timestamp = time.ms;
  }

  #setTime(draft: Draft, text: string): boolean {
    const time = this.#times.readWhole(text, draft.record.receivedMs);
    if (time !== undefined) draft.timestamp = time.ms;
    return time !== undefined;
  }
}

function mayBeJson(message: string): boolean {
  return message.charCodeAt(0) === BRACE || message.startsWith(CEE);
}

/** The given word is kept where it is not the level's name. */
function setLevel(draft: Draft, value: string): void {
  const isNumber = isCanonicalNumber(value, 0, value.length);
  draft.level = isNumber ? levelOfNumber(Number(value)) : levelOfWord(value);
  if (draft.level !== value) draft.addMetadata('level', isNumber ? value : quote(value));
}

/** What was found about the sender. */
function takeOver(draft: Draft, found: Draft): void {
  draft.level ??= found.level;
  draft.team ??= found.team;
  draft.app ??= found.app;
  draft.host ??= found.host;
  draft.tags ??= found.tags;
  if (draft.metadata === '') draft.metadata = found.metadata;
}

function addPairs(draft: Draft, pairs: readonly Pair[]): void {
  const tree = new MemberTree();
  const taken = takenKeys(draft);
  // Of a repeated key the last value counts, as in JSON.
  for (const [key, value] of new Map(pairs.map((pair) => [pair.key, pair.value]))) {
    const { path } = pathOf(key);
    if (taken.has(path[0] ?? '') || path.length >= EVENT_LIMITS.depth) continue;
    tree.place(path, isCanonicalNumber(value, 0, value.length) ? value : quote(value));
  }
  addPayload(draft, tree.print());
}

function takenKeys(draft: Draft): ReadonlySet<string> {
  return new Set(draft.payload === '' ? [] : Object.keys(JSON.parse(`{${draft.payload}}`)));
}

/** Adds members to a payload; what is there already stays. */
function addPayload(draft: Draft, json: string): void {
  if (draft.payload === '') {
    draft.payload = json;
    return;
  }
  const there = JSON.parse(`{${draft.payload}}`);
  const fresh = Object.entries(JSON.parse(`{${json}}`)).filter(([key]) => !Object.hasOwn(there, key));
  if (fresh.length > 0) draft.payload += `,${JSON.stringify(Object.fromEntries(fresh)).slice(1, -1)}`;
}
