/**
 * A process that appends records to the partitions of `raw` until so many bytes are there, says so, and goes on until it
 * is killed: for a start after a crash that has much history behind it.
 *
 * Options: --directory D --partitions N --bytes N
 */
import { parseArgs } from 'node:util';
import { nodeDisk } from '../../src/lib/disk.ts';
import { openTestLog } from '../../src/queue/segment-log/test-log.ts';
import { appendWhile, rawTopic } from './queue-log.ts';

const { values } = parseArgs({
  options: {
    directory: { type: 'string', default: '' },
    partitions: { type: 'string', default: '4' },
    bytes: { type: 'string', default: '0' },
  },
});
const partitions = Number(values.partitions);
const log = await openTestLog({ directory: values.directory, disk: nodeDisk, topics: rawTopic(partitions) });
process.on('disconnect', () => process.exit(1));
let isFilled = false;
await Promise.all(
  Array.from({ length: partitions }, async (_, partition) => {
    const writer = await log.queue.openWriter({ topic: 'raw', partition });
    await appendWhile(writer, () => {
      if (!isFilled && log.marks.all().reduce((sum, { bytes }) => sum + bytes, 0) >= Number(values.bytes)) {
        isFilled = true;
        process.send?.('filled');
      }
      return true;
    });
  }),
);
