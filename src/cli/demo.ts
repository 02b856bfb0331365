/** `spillway demo`: realistic traffic of a small web shop, with an incident now and then. */
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, SpillwayError } from '../lib/errors.ts';
import { plural } from '../lib/plural.ts';
import { parseDuration } from '../lib/units.ts';
import { CLIENT_OPTIONS, Client } from './client.ts';
import { type Command, countOption, EXIT, type Invocation, programName, textOption, UsageError } from './command.ts';
import { deliver } from './delivery.ts';
import { INCIDENTS, type Incident, Incidents } from './demo/incidents.ts';
import { Random } from './demo/random.ts';
import { SyslogSender } from './demo/syslog-sender.ts';
import { Traffic } from './demo/traffic.ts';

const TICK_MS = 100;
const RETRY_FOR_MS = 60_000;
const RETRY_MS = 1_000;
const DEFAULT_RATE = 50;
const DEFAULT_SYSLOG = '127.0.0.1:5514';

export const command: Command = {
  usage: 'demo [--rate N] [--for DURATION]',
  summary: 'Send realistic traffic: a web shop, with an incident now and then.',
  details: [
    'Five services log over syslog and HTTP in four formats. Ctrl-C ends it. Nothing is sent to anywhere else.',
  ],
  options: {
    rate: { type: 'string', short: 'r', value: 'N', description: `Events a second. Default: ${DEFAULT_RATE}` },
    for: { type: 'string', value: 'DURATION', description: 'How long, such as 5m. Default: until Ctrl-C' },
    seed: { type: 'string', value: 'N', description: 'Makes the same traffic again. Default: by chance' },
    syslog: {
      type: 'string',
      value: 'HOST:PORT',
      description: `Where syslog goes, over TCP. Default: ${DEFAULT_SYSLOG}`,
    },
    ...CLIENT_OPTIONS,
  },
  args: [0, 0],
  examples: [
    ['spillway demo', 'until Ctrl-C'],
    ['spillway demo --rate 2000 --for 5m', 'a busier shop'],
  ],
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const rate = countOption(invocation, 'rate', 1, 1_000_000) ?? DEFAULT_RATE;
  const seed = countOption(invocation, 'seed', 0, 0xffff_ffff) ?? Math.floor(Math.random() * 0xffff_ffff);
  const shop = new Shop(invocation, seed);
  const endMs = Date.now() + forMs(invocation);
  const { output } = invocation;
  const signal = invocation.interrupted();
  await shop.send([], []);
  if (output.isTerminal) {
    output.line(`Sending ${plural(rate, 'event')} a second (seed ${seed}). Ctrl-C ends it. Meanwhile:`);
    const program = programName(invocation.env);
    output.line(`  ${program} tail 'level:error'`);
    output.line(`  ${program} search 'app:checkout AND duration_ms:>1000'`);
    output.line(`  ${shop.url}`);
  }
  let owed = 0;
  for (let dueMs = Date.now(); !signal.aborted && dueMs < endMs; dueMs += TICK_MS) {
    owed = await shop.tick(dueMs, owed + (rate * TICK_MS) / 1_000);
    await delay(Math.max(0, dueMs + TICK_MS - Date.now()), undefined, { signal }).catch(() => {});
  }
  await shop.close();
  const result = { sent: shop.sent, seed };
  output.line(output.isTerminal ? `${plural(shop.sent, 'event')} sent.` : JSON.stringify(result));
  return EXIT.done;
}

function forMs(invocation: Invocation): number {
  const text = textOption(invocation, 'for');
  if (text === undefined) return Number.POSITIVE_INFINITY;
  const ms = parseDuration(text);
  if (ms === undefined) throw new UsageError(`--for must be a duration such as 30s or 5m, but is "${text}".`);
  return ms;
}

class Shop {
  readonly #invocation: Invocation;
  readonly #client: Client;
  readonly #syslog: SyslogSender;
  readonly #incidents: Incidents;
  readonly #traffic: Traffic;
  readonly #signal: AbortSignal;
  #incident: Incident | undefined;
  sent = 0;

  constructor(invocation: Invocation, seed: number) {
    const random = new Random(seed);
    const [, host = '', port] = /^(.+):(\d{1,5})$/.exec(textOption(invocation, 'syslog') ?? DEFAULT_SYSLOG) ?? [];
    if (port === undefined) throw new UsageError('--syslog must be HOST:PORT.', `Such as ${DEFAULT_SYSLOG}`);
    this.#invocation = invocation;
    this.#client = Client.of(invocation);
    this.#syslog = new SyslogSender(host.replace(/^\[(.*)\]$/, '$1'), Number(port));
    this.#incidents = new Incidents(random, Date.now());
    this.#traffic = new Traffic(random);
    this.#signal = invocation.interrupted();
  }

  get url(): string {
    return this.#client.url;
  }

  /** Makes and sends what is owed; gives what remains owed (below one request). */
  async tick(nowMs: number, owed: number): Promise<number> {
    const incident = this.#incidents.at(nowMs);
    if (incident !== this.#incident) this.#tell(incident);
    const overSyslog: string[] = [];
    const overHttp: string[] = [];
    for (let made = 0; made < owed; made = overSyslog.length + overHttp.length) {
      const momentMs = Math.floor(nowMs - TICK_MS + (TICK_MS * made) / owed);
      for (const line of this.#traffic.request(momentMs, incident)) {
        (line.over === 'syslog' ? overSyslog : overHttp).push(line.text);
      }
    }
    const made = overSyslog.length + overHttp.length;
    if (made > 0) await this.#sendPatiently(overSyslog, overHttp);
    this.#invocation.output.progress(
      `${plural(this.sent, 'event')} sent${incident === undefined ? '' : `; incident: ${INCIDENTS[incident]}`}`,
    );
    return owed - made;
  }

  /** With nothing to send: checks that both addresses answer. */
  async send(overSyslog: readonly string[], overHttp: readonly string[]): Promise<void> {
    try {
      await this.#syslog.send(overSyslog);
    } catch (error) {
      throw new SpillwayError(
        'UNAVAILABLE',
        `syslog does not answer (${messageOf(error)}). Start Spillway with \`spillway start\`, or name another address with --syslog.`,
        { cause: error },
      );
    }
    this.sent += overSyslog.length;
    if (overHttp.length === 0) return;
    const { accepted } = await deliver(Buffer.from(overHttp.join('\n')), 'application/x-ndjson', {
      client: this.#client,
      parameters: {},
      retryForMs: RETRY_FOR_MS,
      signal: this.#signal,
      onRetry: (error) => this.#invocation.output.note(`${error.message} Trying again …`),
    });
    this.sent += accepted;
  }

  async #sendPatiently(overSyslog: readonly string[], overHttp: readonly string[]): Promise<void> {
    const { output } = this.#invocation;
    const deadlineMs = Date.now() + RETRY_FOR_MS;
    let messages = overSyslog;
    for (;;) {
      try {
        await this.#syslog.send(messages);
        this.sent += messages.length;
        messages = [];
        return await this.send([], overHttp);
      } catch (error) {
        if (this.#signal.aborted) return;
        if (messages.length === 0 || Date.now() > deadlineMs) throw error;
        output.note(`syslog does not answer (${messageOf(error)}). Trying again …`);
        await delay(RETRY_MS, undefined, { signal: this.#signal }).catch(() => {});
      }
    }
  }

  #tell(incident: Incident | undefined): void {
    const { output } = this.#invocation;
    if (incident !== undefined) output.note(output.style('yellow', `Incident: ${INCIDENTS[incident]}.`));
    else if (this.#incident !== undefined) output.note(output.style('green', 'The incident is over.'));
    this.#incident = incident;
  }

  async close(): Promise<void> {
    await this.#syslog.close();
  }
}
