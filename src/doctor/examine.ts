/** Runs all checks that apply, at the same time and each for a bounded time; they are told in their order. */
import { messageOf } from '../lib/errors.ts';
import { DOCTOR_LIMITS } from '../lib/limits.ts';
import type { Check, Installation } from './check.ts';
import { CHECK_NAMES, CHECKS, type CheckName } from './checks.ts';
import { type Finding, NotAsked, TooLate, unknown, within, wrong } from './finding.ts';

export interface Examined {
  readonly check: CheckName;
  readonly about: string;
  readonly findings: readonly Finding[];
}

export async function* examine(installation: Installation): AsyncGenerator<Examined> {
  const under = CHECK_NAMES.filter((name) => CHECKS[name].applies(installation)).map((name) => {
    const check = CHECKS[name];
    return { check: name, about: check.about, findings: examineOne(check, installation) };
  });
  for (const { findings, ...what } of under) yield { ...what, findings: await findings };
}

async function examineOne(check: Check, installation: Installation): Promise<readonly Finding[]> {
  try {
    return await within(DOCTOR_LIMITS.checkMs, 'there was no answer', check.examine(installation));
  } catch (thrown) {
    if (thrown instanceof NotAsked) return [unknown(thrown.message)];
    const mend =
      thrown instanceof TooLate
        ? 'Look whether what this check asks (a disk, an engine) stands still, then run `spillway doctor` again.'
        : 'Mend what the message names, then run `spillway doctor` again.';
    return [wrong(messageOf(thrown), mend)];
  }
}
