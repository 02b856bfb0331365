/**
 * The process that kill.test.ts kills: it appends numbers one after another, several at a time, and tells its parent
 * of each that was acknowledged. Arguments: folder, first number, and optionally `OPERATION:before|after` to kill itself
 * at an operation of the disk.
 */
import { writeSync } from 'node:fs';
import { nodeDisk } from '../../lib/disk.ts';
import { killAt } from '../../lib/failpoint-disk.ts';
import { values } from '../test-records.ts';
import { openTestLog } from './test-log.ts';

const [, , directory = '', first = '0', killWhere = ''] = process.argv;
const [operation, when] = killWhere.split(':');
const disk = when === 'before' || when === 'after' ? killAt(nodeDisk, Number(operation), when) : nodeDisk;
const log = await openTestLog({ directory, disk, segmentBytes: 20_000 });
const writer = await log.queue.openWriter({ topic: 'raw', partition: 0 });
let number = Number(first);
const appendOn = async (): Promise<void> => {
  for (;;) {
    const mine = number++;
    const { baseOffset } = await writer.append(values(`${mine} ${'x'.repeat(mine % 400)}`));
    // Written before anything else can happen: what the parent reads was acknowledged.
    writeSync(1, `${mine} ${baseOffset}\n`);
  }
};
await Promise.all([1, 2, 3, 4].map(appendOn));
