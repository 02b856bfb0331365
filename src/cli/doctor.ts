/** `spillway doctor`: looks at this machine and every engine, and says what to mend. */
import type { Installation } from '../doctor/check.ts';
import { type Examined, examine } from '../doctor/examine.ts';
import { type Finding, type FindingState, NotAsked } from '../doctor/finding.ts';
import { KafkaProbe } from '../doctor/kafka-probe.ts';
import { OpenSearchProbe } from '../doctor/opensearch-probe.ts';
import { plural } from '../lib/plural.ts';
import { holderOf } from '../roles/data-lock.ts';
import { kafkaOptionsOf } from '../roles/kafka-reach.ts';
import { clusterOf } from '../roles/search-engine.ts';
import { CLIENT_OPTIONS } from './client.ts';
import { type Command, choiceOption, EXIT, type Invocation, textOption } from './command.ts';
import { CONFIG_OPTIONS, loadInvoked } from './config-options.ts';
import type { Output } from './output.ts';
import { visible } from './table.ts';

export const command: Command = {
  usage: 'doctor [--role collector|processor|store] [--config FILE] [--data DIR]',
  summary: 'Look at this machine and every engine, and say what to mend.',
  details: [
    'Changes nothing, and works while Spillway runs, while it does not, and while an engine is down: every question has a',
    'limit of seconds. Run it as the user that Spillway runs as, with the same configuration.',
    'Exit 0 where nothing is wrong (there may be warnings), 1 where something is, 2 where it was asked wrongly.',
  ],
  options: {
    role: { type: 'string', value: 'ROLE', description: 'As for a machine that runs only this role.' },
    token: {
      ...CLIENT_OPTIONS.token,
      description: 'An admin token, to hear how the roles are. Default: SPILLWAY_TOKEN',
    },
    ...CONFIG_OPTIONS,
  },
  args: [0, 0],
  examples: [
    ['spillway doctor', 'is everything as it should be?'],
    ['spillway doctor --config spillway.yaml --role collector', 'on a machine of collectors, before the first start'],
    [`spillway doctor | jq 'select(.state == "wrong")'`, 'for a program: a line of JSON a finding'],
  ],
  run,
};

const SIGNS: Readonly<
  Record<FindingState, { readonly sign: string; readonly colour: 'green' | 'yellow' | 'red' | 'dim' }>
> = {
  well: { sign: '✓ well', colour: 'green' },
  warning: { sign: '! warning', colour: 'yellow' },
  wrong: { sign: '✗ wrong', colour: 'red' },
  unknown: { sign: '? unknown', colour: 'dim' },
};

type Counts = Record<FindingState, number>;

async function run(invocation: Invocation): Promise<number> {
  const { output } = invocation;
  const patient = installationOf(invocation);
  const counts: Counts = { well: 0, warning: 0, wrong: 0, unknown: 0 };
  try {
    for await (const examined of examine(patient.installation)) {
      for (const { state } of examined.findings) counts[state]++;
      for (const line of output.isTerminal ? shown(examined, output) : printed(examined)) output.line(line);
    }
  } finally {
    await patient.close();
  }
  if (output.isTerminal) output.line(`\n${summary(counts)}`);
  else output.line(JSON.stringify({ total: true, ...counts }));
  return counts.wrong > 0 ? EXIT.failed : EXIT.done;
}

function installationOf(invocation: Invocation): {
  readonly installation: Installation;
  close(): Promise<void>;
} {
  const role = choiceOption(invocation, 'role', ['collector', 'processor', 'store']);
  const { config } = loadInvoked(invocation);
  const kafka = once(async () => KafkaProbe.open(kafkaOptionsOf(config, `${config.site}-doctor`)));
  const openSearch = once(async () => OpenSearchProbe.open(clusterOf(config)));
  return {
    installation: {
      config,
      role,
      token: textOption(invocation, 'token') ?? invocation.env.SPILLWAY_TOKEN,
      holder: holderOf(config.data, 'supervisor'),
      kafka: kafka.get,
      openSearch: openSearch.get,
    },
    close: async () => {
      await Promise.all([kafka.close(), openSearch.close()]);
    },
  };
}

/**
 * Opened by whoever asks first, and closed where anybody has asked. Where it cannot be opened only the first one is told
 * why: the same thing is wrong once, and the others have nobody to ask.
 */
function once<T extends { close(): void }>(open: () => Promise<T>): { get(): Promise<T>; close(): Promise<void> } {
  let opening: Promise<T> | undefined;
  return {
    get: () => {
      if (opening !== undefined) {
        return opening.catch(() => {
          throw new NotAsked('not asked: what is configured cannot be used, as said above');
        });
      }
      opening = open();
      return opening;
    },
    close: async () => {
      (await opening?.catch(() => undefined))?.close();
    },
  };
}

function printed({ check, findings }: Examined): string[] {
  return findings.map((finding) => JSON.stringify({ check, ...finding }));
}

/** What to do stands below what was found, where an eye that goes down the left edge meets it. */
function shown({ about, findings }: Examined, output: Output): string[] {
  return findings.flatMap((finding, index) => {
    const { sign, colour } = SIGNS[finding.state];
    const name = (index === 0 ? about : '').padEnd(NAME_CHARS);
    const line = `${output.style(colour, sign.padEnd(SIGN_CHARS))} ${name} ${visible(finding.found)}`;
    return [line, ...mendOf(finding).map((mend) => `${' '.repeat(SIGN_CHARS + 1 + NAME_CHARS)}   → ${visible(mend)}`)];
  });
}

const mendOf = (finding: Finding): readonly string[] => ('mend' in finding ? [finding.mend] : []);

const SIGN_CHARS = 9;
const NAME_CHARS = 16;

function summary({ wrong, warning, unknown }: Counts): string {
  const open = unknown === 0 ? '' : `; ${plural(unknown, 'thing')} could not be seen`;
  if (wrong > 0) return `${plural(wrong, 'thing')} to mend, ${plural(warning, 'warning')}${open}.`;
  return warning > 0 ? `Nothing is wrong; ${plural(warning, 'warning')}${open}.` : `All is well${open}.`;
}
