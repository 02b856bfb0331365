/** Makes an event of a record, by the format that its input gave it. Anything becomes an event. */
import type { Draft } from '../draft.ts';
import { LayoutBook } from '../layout/book.ts';
import { TEXT_LAYOUT } from '../layout/rebuild.ts';
import { TimeReader } from '../time/any.ts';
import { type Detection, Detector } from './detect.ts';
import { JsonLineParser } from './json-line.ts';
import { Rfc3164Parser } from './rfc3164.ts';
import { Rfc5424Parser } from './rfc5424.ts';

export class Parser {
  readonly #rfc5424: Rfc5424Parser;
  readonly #rfc3164: Rfc3164Parser;
  readonly #json: JsonLineParser;
  readonly #detector: Detector;

  constructor(detections: readonly Detection[]) {
    const times = new TimeReader();
    const book = new LayoutBook();
    this.#rfc5424 = new Rfc5424Parser(times, book);
    this.#rfc3164 = new Rfc3164Parser(times, book);
    this.#json = new JsonLineParser(times, book);
    this.#detector = new Detector(detections, times, this.#json, this.#rfc3164);
  }

  parse(draft: Draft): void {
    const { meta } = draft.record;
    if (meta.format === 'syslog') this.#syslog(draft);
    else if (meta.format !== 'json' || !this.#json.parse(draft)) this.#text(draft);
    draft.fillFrom(meta);
    // A text with U+FFFD in it may stand for bytes that were none: only the original tells.
    if (!draft.isValid) draft.layout = undefined;
  }

  #syslog(draft: Draft): void {
    if (!this.#rfc5424.parse(draft)) this.#rfc3164.parse(draft);
    this.#detector.detect(draft, draft.hasTime, false);
    if (draft.host === undefined && draft.record.meta.host === undefined)
      draft.host = addressOf(draft.record.meta.remote);
  }

  #text(draft: Draft): void {
    draft.message = draft.text;
    draft.layout = TEXT_LAYOUT;
    this.#detector.detect(draft, false, true);
  }
}

/** `10.0.0.7` of `10.0.0.7:5140`, `fe80::1` of `[fe80::1]:5140`: who sent a message that names no host. */
function addressOf(remote: string): string | undefined {
  const colon = remote.lastIndexOf(':');
  const address = (colon < 0 ? remote : remote.slice(0, colon)).replace(/^\[|\]$/g, '');
  return address === '' ? undefined : address;
}
