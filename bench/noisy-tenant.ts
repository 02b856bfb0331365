/**
 * What one tenant's burst does to another: how long a small tenant's events (10 a second) take from send to found, first
 * alone, then while another tenant sends 100,000 events a second, more than the processor and the store take. The figure
 * is the p99 under the burst over the quiet one. `--seconds 600` is the full size.
 */
import { SpillwayProcess } from '../test/support/spillway.ts';
import { type Bench, hundredths, median, percentile, say } from './harness.ts';
import { quietFreshness } from './load/quiet-tenant.ts';
import { runTcpLoad } from './load/run-load.ts';

const TARGET_RATIO = 2;
const NOISY_EVENTS_PER_S = 100_000;
const NOISY_CONNECTIONS = 8;
const QUIET_EVENTS_PER_S = 10;
const SECONDS = 60;
const QUICK_SECONDS = 5;
/** Free ports are the kernel's to choose, in the order of the listeners. */
const INPUTS = { syslog: [{ port: 0 }, { port: 0, udp: false, tenant: 'noisy' }] };

interface LedgerAnswer {
  readonly lines: readonly { readonly tenant?: string; readonly accepted: number; readonly written: number }[];
}

export const run: Bench = async ({ quick, seconds: asked }) => {
  const seconds = asked ?? (quick ? QUICK_SECONDS : SECONDS);
  const spillway = await SpillwayProcess.start({ config: { inputs: INPUTS } });
  try {
    const [port, noisyPort] = spillway.listening.filter(({ what }) => what === 'syslog TCP').map((at) => at.port);
    if (port === undefined || noisyPort === undefined) throw new Error('two listeners were expected');
    const quietly = (word: string, forSeconds: number) =>
      quietFreshness({ spillway, port, word, perSecond: QUIET_EVENTS_PER_S, seconds: forSeconds });
    await quietly('warm', 2);
    const quiet = await quietly('alone', Math.min(seconds, SECONDS));
    tell('alone', quiet);
    const load = runTcpLoad({
      port: noisyPort,
      connections: NOISY_CONNECTIONS,
      events: NOISY_EVENTS_PER_S * seconds,
      rate: NOISY_EVENTS_PER_S,
      seconds: seconds * 2,
    });
    const [pressed, sent] = await Promise.all([quietly('pressed', seconds), load]);
    tell('under the burst', pressed);
    for (let from = 0; from < pressed.length; from += QUIET_EVENTS_PER_S * 60) {
      tell(`  minute ${from / (QUIET_EVENTS_PER_S * 60) + 1}`, pressed.slice(from, from + QUIET_EVENTS_PER_S * 60));
    }
    const { lines } = await spillway.json<LedgerAnswer>('/api/ledger?from=now-1h&by=tenant');
    const noisy = lines.find(({ tenant }) => tenant === 'noisy');
    const rate = (count = 0) => Math.round(count / sent.seconds);
    const [before, after] = [percentile(quiet, 0.99), percentile(pressed, 0.99)];
    return {
      value: hundredths(after / before),
      unit: 'times the quiet p99',
      p99Ms: Math.round(after),
      target: TARGET_RATIO,
      loadCpuS: sent.cpuS,
      rows: {
        'small tenant alone, median': { value: Math.round(median(quiet)), unit: 'ms', p99Ms: Math.round(before) },
        'small tenant under the burst, median': {
          value: Math.round(median(pressed)),
          unit: 'ms',
          p99Ms: Math.round(after),
        },
        'small tenant under the burst, slowest': { value: Math.round(Math.max(...pressed)), unit: 'ms' },
        'noisy tenant, accepted durably': { value: rate(noisy?.accepted), unit: 'events/s' },
        'noisy tenant, made searchable meanwhile': { value: rate(noisy?.written), unit: 'events/s' },
      },
      notes: [
        `${pressed.length} events of the small tenant over ${seconds} s; a search asks for its newest all the time.`,
        'The load generator, the collector, the processor and the store share the cores.',
      ],
    };
  } finally {
    await spillway.dispose();
  }
};

function tell(when: string, tookMs: readonly number[]): void {
  const worst = Math.round(Math.max(...tookMs));
  say(
    `  ${when}: median ${Math.round(median(tookMs))} ms, p99 ${Math.round(percentile(tookMs, 0.99))} ms, worst ${worst} ms`,
  );
}
