/**
 * Traffic of a small web shop: each request leaves lines at several services, which share its trace id (but for
 * the edge's). The edge logs as
 * nginx does (combined access log over syslog, RFC 3164), accounts as key=value and payments with structured data (both
 * RFC 5424), the others as JSON over HTTP.
 */
import type { Incident } from './incidents.ts';
import type { Random } from './random.ts';

/** One line: a syslog message without framing, or a JSON object. */
export type DemoLine = { readonly over: 'syslog' | 'http'; readonly text: string };

const PATHS = [
  '/',
  '/products',
  '/products/4711',
  '/search?q=lamp',
  '/cart',
  '/checkout',
  '/account',
  '/api/v1/orders',
] as const;
const AGENTS = [
  'Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 19_1)',
  'curl/8.16.0',
] as const;
const PRODUCTS = ['lamp', 'desk', 'chair', 'shelf', 'sofa', 'mirror'] as const;
const FACILITY_LOCAL0 = 16 * 8;
const SEVERITY = { error: 3, warn: 4, info: 6 } as const;
type Level = keyof typeof SEVERITY;

export class Traffic {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** All lines of one request, in order. */
  request(nowMs: number, incident: Incident | undefined): DemoLine[] {
    const random = this.#random;
    if (random.chance(0.02)) return [this.#chatter(nowMs)];
    const trace = random.hex(16);
    const path = random.pick(PATHS);
    const user = `u${random.integer(1_000, 9_999)}`;
    const lines: DemoLine[] = [];
    let status = random.chance(0.01) ? 404 : 200;
    if (path.startsWith('/account')) {
      lines.push(this.#accounts(nowMs, trace, user, incident));
      if (incident === 'bad-deployment' && random.chance(0.7)) status = 500;
    }
    if (path.startsWith('/search') || path.startsWith('/products')) {
      const slow = incident === 'slow-catalog';
      const queryMs = random.skewed(slow ? 2_400 : 9);
      lines.push(this.#catalog(nowMs, trace, queryMs));
    }
    if (path === '/checkout') {
      const fails = incident === 'payment-provider' ? random.chance(0.8) : random.chance(0.005);
      const paymentMs = fails ? 3_000 : random.skewed(140);
      if (fails) status = 502;
      lines.push(this.#payment(nowMs, trace, paymentMs, fails), this.#checkout(nowMs, trace, user, paymentMs, fails));
    }
    lines.push(this.#access(nowMs, path, status));
    return lines;
  }

  #access(nowMs: number, path: string, status: number): DemoLine {
    const random = this.#random;
    const address = `10.${random.integer(0, 3)}.${random.integer(0, 255)}.${random.integer(1, 254)}`;
    const method = path === '/checkout' ? 'POST' : 'GET';
    const bytes = status === 200 ? random.skewed(5_200) : 153;
    const agent = random.pick(AGENTS);
    const time = new Date(nowMs);
    const line = `${address} - - [${accessTime(time)}] "${method} ${path} HTTP/1.1" ${status} ${bytes} "-" "${agent}"`;
    const host = `edge-${random.integer(1, 3)}`;
    return syslog3164(time, host, 'nginx', line);
  }

  #accounts(nowMs: number, trace: string, user: string, incident: Incident | undefined): DemoLine {
    const host = `accounts-${this.#random.integer(1, 2)}`;
    if (incident === 'bad-deployment' && this.#random.chance(0.7)) {
      const text = `level=error msg="cannot load profile" trace_id=${trace} user=${user} version=2.14.0 error="TypeError: undefined is not an object (profile.settings)"`;
      return syslog5424(nowMs, 'error', host, 'accounts', '-', text);
    }
    const version = incident === 'bad-deployment' ? '2.14.0' : '2.13.4';
    const text = `level=info msg="profile loaded" trace_id=${trace} user=${user} version=${version} cache=${this.#random.chance(0.9) ? 'hit' : 'miss'}`;
    return syslog5424(nowMs, 'info', host, 'accounts', '-', text);
  }

  #payment(nowMs: number, trace: string, durationMs: number, fails: boolean): DemoLine {
    const amount = (this.#random.integer(500, 90_000) / 100).toFixed(2);
    const result = fails ? 'timeout' : 'captured';
    const data = `[payment@32473 trace_id="${trace}" amount="${amount}" currency="EUR" provider="acquire" duration_ms="${durationMs}" result="${result}"]`;
    const text = fails ? 'payment failed: provider acquire timed out after 3000 ms' : 'payment captured';
    return syslog5424(nowMs, fails ? 'error' : 'info', 'payments-1', 'payments', data, text);
  }

  #checkout(nowMs: number, trace: string, user: string, durationMs: number, fails: boolean): DemoLine {
    const random = this.#random;
    const order = `o-${random.hex(8)}`;
    return json(nowMs, {
      level: fails ? 'error' : 'info',
      message: fails ? `order ${order} failed: payment timed out` : `order ${order} placed`,
      app: 'checkout',
      host: `checkout-${random.integer(1, 4)}`,
      team: 'shop',
      trace_id: trace,
      user,
      order,
      items: random.integer(1, 6),
      duration_ms: durationMs,
    });
  }

  #catalog(nowMs: number, trace: string, queryMs: number): DemoLine {
    const random = this.#random;
    const slow = queryMs > 500;
    return json(nowMs, {
      level: slow ? 'warn' : 'info',
      message: slow ? `slow query: ${queryMs} ms in products_by_name` : 'query answered',
      app: 'catalog',
      host: `catalog-${random.integer(1, 3)}`,
      team: 'shop',
      trace_id: trace,
      query: { table: 'products', term: random.pick(PRODUCTS), rows: random.integer(0, 120) },
      duration_ms: queryMs,
    });
  }

  /** What runs besides: batch jobs and services that say that they are alive. */
  #chatter(nowMs: number): DemoLine {
    if (this.#random.chance(0.7)) return syslog5424(nowMs, 'info', 'edge-1', 'lb', '-', 'I am alive');
    return json(nowMs, {
      level: 'info',
      message: 'stock synchronised',
      app: 'warehouse',
      host: 'batch-1',
      team: 'logistics',
      articles: this.#random.integer(200, 4_000),
      duration_ms: this.#random.skewed(900),
    });
  }
}

function json(nowMs: number, members: Readonly<Record<string, unknown>>): DemoLine {
  return { over: 'http', text: JSON.stringify({ timestamp: new Date(nowMs).toISOString(), ...members }) };
}

function syslog5424(nowMs: number, level: Level, host: string, app: string, data: string, text: string): DemoLine {
  const priority = FACILITY_LOCAL0 + SEVERITY[level];
  return { over: 'syslog', text: `<${priority}>1 ${new Date(nowMs).toISOString()} ${host} ${app} - - ${data} ${text}` };
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;
const two = (value: number): string => String(value).padStart(2, '0');

/** nginx's severity is the same whatever the status. RFC 3164 has neither year nor zone: its time is the sender's local one. */
function syslog3164(time: Date, host: string, tag: string, text: string): DemoLine {
  const day = String(time.getDate()).padStart(2, ' ');
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  return {
    over: 'syslog',
    text: `<${FACILITY_LOCAL0 + SEVERITY.info}>${MONTHS[time.getMonth()]} ${day} ${clock} ${host} ${tag}: ${text}`,
  };
}

/** As nginx writes it: 23/Nov/2026:19:50:01 +0000. */
function accessTime(time: Date): string {
  const clock = `${two(time.getUTCHours())}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())}`;
  return `${two(time.getUTCDate())}/${MONTHS[time.getUTCMonth()]}/${time.getUTCFullYear()}:${clock} +0000`;
}
