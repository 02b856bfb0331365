/** How far a clock elsewhere is from the one here. */
import { DOCTOR_LIMITS } from '../lib/limits.ts';
import { type Finding, warning, well, wrong } from './finding.ts';

export interface Readings {
  /** Whose clock, for a sentence. */
  readonly whose: string;
  /** Epoch ms: here before the question, there, here after the answer. */
  readonly beforeMs: number;
  readonly thereMs: number;
  readonly afterMs: number;
}

export function judgeClock({ whose, beforeMs, thereMs, afterMs }: Readings): Finding {
  // Within the time that the question took nothing can be told.
  const ahead = thereMs > afterMs ? thereMs - afterMs : Math.min(0, thereMs - beforeMs);
  const apart = Math.abs(ahead);
  const found = `the clock of ${whose} is ${(apart / 1_000).toFixed(1)} s ${ahead > 0 ? 'ahead of' : 'behind'} this one`;
  const mend = 'Run an NTP client on both machines: `timedatectl set-ntp true`, or chrony.';
  if (apart >= DOCTOR_LIMITS.clockWrongMs) return wrong(found, mend);
  if (apart >= DOCTOR_LIMITS.clockWarningMs) return warning(found, mend);
  return well(`the clock of ${whose} is that of this machine within ${Math.max(1, Math.ceil(apart / 1_000))} s`);
}
