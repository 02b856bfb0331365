/** `spillway send`: standard input or files, one event a line, acknowledged when it is durable. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { messageOf, SpillwayError } from '../lib/errors.ts';
import { COLLECT_LIMITS, TOPIC_LIMITS } from '../lib/limits.ts';
import { count, plural } from '../lib/plural.ts';
import { formatSize, parseDuration } from '../lib/units.ts';
import { CLIENT_OPTIONS, Client } from './client.ts';
import { type Command, choiceOption, EXIT, type Invocation, textOption, UsageError } from './command.ts';
import { type Acknowledged, deliver } from './delivery.ts';
import { type LineBatch, lineBatches } from './line-batches.ts';
import { visible } from './table.ts';

const BATCH_BYTES = 1024 * 1024;
const IDLE_MS = 200;
const DEFAULT_RETRY_FOR = '1m';
/** However short the lines are, a batch has no more of them than a request may have records. */
const TOPIC_BATCH_BYTES = 2 * TOPIC_LIMITS.requestRecords;
const OF_LOGS = ['format', 'team', 'app', 'host'] as const;
const SHOWN_ERRORS = 5;
const FORMATS = ['auto', 'json', 'text'] as const;
type LineFormat = (typeof FORMATS)[number];

export const command: Command = {
  usage: 'send [--topic TOPIC [--key KEY]] [FILE …]',
  summary: 'Send lines: standard input or files, one event a line.',
  details: [
    'Lines are sent in batches over HTTP, and a batch counts when it is durable. What fails is repeated under the same',
    'Idempotency-Key, so nothing arrives twice.',
  ],
  options: {
    format: {
      type: 'string',
      value: 'FORMAT',
      description: 'json, text or auto (by the look of each batch). Default: auto',
    },
    team: { type: 'string', value: 'NAME', description: 'Team of the lines that name none.' },
    app: { type: 'string', value: 'NAME', description: 'App of the lines that name none.' },
    host: { type: 'string', value: 'NAME', description: 'Host of the lines that name none.' },
    topic: {
      type: 'string',
      value: 'TOPIC',
      description: 'To a topic that was created, each line as one record, instead of the logs.',
    },
    key: { type: 'string', value: 'KEY', description: 'With --topic: key of the records.' },
    'retry-for': {
      type: 'string',
      value: 'DURATION',
      description: `How long a batch is repeated. Default: ${DEFAULT_RETRY_FOR}`,
    },
    ...CLIENT_OPTIONS,
  },
  args: [0, 1_000],
  examples: [
    ['spillway send --app nginx /var/log/nginx/access.log', 'a file'],
    ['tail -F app.log | spillway send --app shop', 'a file that grows'],
    ['spillway send --topic orders orders.ndjson', 'records of a topic'],
    ['echo \'{"level":"error","message":"disk full"}\' | spillway send', 'one event'],
  ],
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const sending = new Sending(invocation);
  const files = invocation.args.length === 0 ? ['-'] : invocation.args;
  if (files.includes('-') && process.stdin.isTTY) invocation.output.note('Type lines; Ctrl-D ends.');
  for (const file of files) if (file !== '-') await checkReadable(file);
  for (const file of files) await sending.send(file);
  return sending.conclude();
}

async function checkReadable(file: string): Promise<void> {
  try {
    if ((await stat(file)).isDirectory()) throw new Error('it is a folder');
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${messageOf(error)}.`);
  }
}

class Sending {
  readonly #invocation: Invocation;
  readonly #client: Client;
  readonly #format: LineFormat;
  readonly #topic: string | undefined;
  readonly #retryForMs: number;
  readonly #patient: boolean;
  readonly #signal: AbortSignal;
  readonly #startedMs = performance.now();
  #lines = 0;
  #bytes = 0;
  #accepted = 0;
  #deadLettered = 0;
  #shownErrors = 0;

  constructor(invocation: Invocation) {
    this.#invocation = invocation;
    this.#client = Client.of(invocation);
    this.#format = choiceOption(invocation, 'format', FORMATS) ?? 'auto';
    this.#topic = textOption(invocation, 'topic');
    const stray = (this.#topic === undefined ? (['key'] as const) : OF_LOGS).find(
      (name) => textOption(invocation, name) !== undefined,
    );
    if (stray !== undefined) {
      throw new UsageError(`--${stray} goes ${this.#topic === undefined ? 'only with' : 'not together with'} --topic.`);
    }
    const retryFor = textOption(invocation, 'retry-for');
    this.#patient = retryFor !== undefined;
    const ms = parseDuration(retryFor ?? DEFAULT_RETRY_FOR);
    if (ms === undefined)
      throw new UsageError(`--retry-for must be a duration such as 30s or 5m, but is "${retryFor}".`);
    this.#retryForMs = ms;
    this.#signal = invocation.interrupted();
  }

  async send(file: string): Promise<void> {
    const input: AsyncIterable<Buffer> =
      file === '-' ? process.stdin : createReadStream(file, { highWaterMark: BATCH_BYTES });
    const maxBytes = this.#topic === undefined ? BATCH_BYTES : TOPIC_BATCH_BYTES;
    const options = { maxBytes, maxLineBytes: COLLECT_LIMITS.httpBodyBytes, idleMs: IDLE_MS };
    try {
      for await (const batch of lineBatches(input, options)) {
        await this.#deliver(batch);
        if (this.#signal.aborted) return;
      }
    } catch (error) {
      if (this.#signal.aborted) return;
      throw error instanceof SpillwayError ? this.#withAccount(error) : error;
    }
  }

  async #deliver(batch: LineBatch): Promise<void> {
    const { output } = this.#invocation;
    const anythingArrived = this.#accepted + this.#deadLettered > 0;
    const isText = this.#topic !== undefined;
    const names = isText ? (['key'] as const) : (['team', 'app', 'host'] as const);
    const acknowledged = await deliver(batch.bytes, isText ? TEXT : contentTypeOf(batch.bytes, this.#format), {
      client: this.#client,
      topic: this.#topic,
      parameters: Object.fromEntries(names.map((name) => [name, textOption(this.#invocation, name)])),
      // Where Spillway has never answered it is probably not running, and waiting would only hide that.
      retryForMs: anythingArrived || this.#patient ? this.#retryForMs : 0,
      signal: this.#signal,
      onRetry: (error) => output.note(`${error.message} Trying again …`),
    });
    this.#note(acknowledged);
    this.#lines += batch.lines;
    this.#bytes += batch.bytes.length;
    this.#accepted += acknowledged.accepted;
    this.#deadLettered += acknowledged.deadLettered;
    const seconds = (performance.now() - this.#startedMs) / 1_000;
    output.progress(
      `${plural(this.#lines, 'line')}, ${formatSize(this.#bytes)}, ${count(Math.round(this.#lines / seconds))} lines/s`,
    );
  }

  #note({ errors = [] }: Acknowledged): void {
    for (const error of errors) {
      if (this.#shownErrors++ >= SHOWN_ERRORS) return;
      const where = error.line === undefined ? 'A line' : `Line ${count(this.#lines + error.line)}`;
      this.#invocation.output.note(`${where} is kept as a dead letter: ${visible(error.reason)} [${error.code}]`);
    }
  }

  #withAccount(error: SpillwayError): SpillwayError {
    const before =
      this.#lines === 0
        ? 'Nothing was sent.'
        : `The first ${plural(this.#lines, 'line')} are durable, the rest was not sent.`;
    return new SpillwayError(error.code, `${error.message} ${before}`, { cause: error, details: error.details });
  }

  conclude(): number {
    const { output } = this.#invocation;
    if (output.isTerminal) {
      const dead =
        this.#deadLettered === 0 ? '' : `, ${plural(this.#deadLettered, 'dead letter')} (spillway read dead-letter)`;
      output.line(
        `${plural(this.#accepted, this.#topic === undefined ? 'event' : 'record')} accepted and durable${dead}.`,
      );
    } else
      output.line(JSON.stringify({ lines: this.#lines, accepted: this.#accepted, deadLettered: this.#deadLettered }));
    if (!this.#signal.aborted) return EXIT.done;
    output.note('Interrupted: what was read after the last batch was not sent.');
    return EXIT.failed;
  }
}

const TEXT = 'text/plain; charset=utf-8';

/**
 * Where every line looks like a JSON object, and one is, they are sent as such; a mixture is text, and each line is looked
 * at later. So no line that is followed (`tail -F`) can end the sending by not being what it looks like.
 */
function contentTypeOf(bytes: Buffer, format: LineFormat): string {
  if (format === 'json' || (format === 'auto' && looksLikeJson(bytes))) return 'application/x-ndjson';
  return TEXT;
}

function looksLikeJson(bytes: Buffer): boolean {
  let isAnyJson = false;
  for (let from = 0; from < bytes.length; ) {
    const lineEnd = bytes.indexOf(0x0a, from);
    const to = lineEnd < 0 ? bytes.length : lineEnd;
    const line = bytes.subarray(from, to);
    const isBlank = line.length === 0 || (line.length === 1 && line[0] === 0x0d);
    if (!isBlank && (line[0] !== 0x7b || (line.at(-1) === 0x0d ? line.at(-2) : line.at(-1)) !== 0x7d)) return false;
    if (!isBlank) isAnyJson ||= isJson(line);
    from = to + 1;
  }
  return isAnyJson;
}

function isJson(line: Buffer): boolean {
  try {
    JSON.parse(line.toString());
    return true;
  } catch {
    return false;
  }
}
