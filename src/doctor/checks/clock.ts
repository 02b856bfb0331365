/** Whether this machine's clock is set by others. Times of receipt, retention and completeness are told by it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { DOCTOR_LIMITS } from '../../lib/limits.ts';
import { always, type Check } from '../check.ts';
import { unknown, warning, well } from '../finding.ts';

const MEND = 'Run an NTP client: `timedatectl set-ntp true`, or chrony.';

export const clock: Check = {
  about: 'clock',
  applies: always,
  async examine() {
    const systemd = await answerOf('timedatectl', ['show', '--property=NTPSynchronized', '--value']);
    if (systemd === 'yes') return [well('it is set by NTP')];
    const chrony = await answerOf('chronyc', ['-c', 'tracking']);
    if (chrony?.includes(',')) {
      return chrony.endsWith('Normal') ? [well('it is set by chrony')] : [warning('chrony has not set it yet', MEND)];
    }
    if (systemd === 'no') return [warning('no NTP client sets it: it drifts by seconds a day', MEND)];
    return [unknown('whether an NTP client sets it cannot be seen here (in a container the host does)')];
  },
};

/** Undefined where there is no such program, or it does not know. */
async function answerOf(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(program, args, { timeout: DOCTOR_LIMITS.programMs });
    return stdout.trim();
  } catch {
    return undefined;
  }
}
