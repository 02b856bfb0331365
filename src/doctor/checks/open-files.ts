/** How many files and connections a process may have. Node.js raises its own limit to the hard one. */
import { readFile } from 'node:fs/promises';
import { COLLECT_LIMITS, DOCTOR_LIMITS } from '../../lib/limits.ts';
import { always, type Check } from '../check.ts';
import { unknown, warning, well, wrong } from '../finding.ts';

const MEND =
  'Set LimitNOFILE=65536 in the systemd unit, `ulimit -Hn 65536` in a shell, or --ulimit nofile=65536 of a container.';

export const openFiles: Check = {
  about: 'open files',
  applies: always,
  async examine({ holder }) {
    const whose = holder?.pid === undefined ? 'self' : String(holder.pid);
    const text = await readFile(`/proc/${whose}/limits`, 'utf8').catch(() => '');
    const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(text)?.[1];
    if (hard === undefined) return [unknown('the limit of open files cannot be read here')];
    const limit = hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard);
    const found = `a process may have ${hard} files and connections open`;
    if (limit < DOCTOR_LIMITS.openFilesLeast) return [wrong(found, MEND)];
    if (limit < DOCTOR_LIMITS.openFiles) {
      return [warning(`${found}, and inputs take up to ${COLLECT_LIMITS.tcpConnections} connections`, MEND)];
    }
    return [well(found)];
  },
};
