/** The queue's part of the data folder: of the configured engine, whole, and with nothing left behind in it. */
import { join } from 'node:path';
import { TOPICS } from '../../event/topics.ts';
import { nodeDisk } from '../../lib/disk.ts';
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import { isSegmentLog, readBacklog } from '../../queue/segment-log/backlog.ts';
import { DRAIN_GROUP } from '../../queue/spool/spooling-queue.ts';
import { assertNotEmbedded, assertNotKafka, printUnread, QUEUE_READERS } from '../../roles/queue-binding.ts';
import { always, type Check, type Installation } from '../check.ts';
import { type Finding, warning, well, wrong } from '../finding.ts';

export const queueFolder: Check = {
  about: 'queue folder',
  applies: always,
  async examine(installation) {
    try {
      const { queue } = installation.config;
      return [queue.engine === 'embedded' ? await embedded(installation) : await spooled(installation)];
    } catch (thrown) {
      const isOther = thrown instanceof SpillwayError && thrown.code === 'QUEUE_CHANGED';
      const mend = isOther
        ? 'spillway drain, with the configuration of the old queue; then start the new one with a folder and a site of its own'
        : 'Put the file that is named back from a backup; docs/queue.md says what each of them is.';
      return [wrong(messageOf(thrown), mend)];
    }
  },
};

async function embedded({ config, holder }: Installation): Promise<Finding> {
  await assertNotKafka(config);
  const directory = join(config.data, 'queue');
  if (!(await isSegmentLog(nodeDisk, directory))) return well('there is no queue yet: the first start makes it');
  if (holder !== undefined) return well('it is in use: `spillway topics` shows what is read');
  const unread = printUnread(await readBacklog(nodeDisk, directory, QUEUE_READERS));
  if (unread === '') return well('the processor and the store have read everything in it');
  return warning(unread, 'Start Spillway: it goes on there. Before this folder is left for good: spillway drain');
}

/** What a collector has accepted while Kafka was away. */
async function spooled({ config, holder }: Installation): Promise<Finding> {
  await assertNotEmbedded(config);
  const directory = join(config.data, 'queue', 'spool');
  if (holder !== undefined) return well('it is in use');
  const readers = [TOPICS.raw, TOPICS.deadLetter].map((topic) => ({ group: DRAIN_GROUP, topic }));
  const unread = await readBacklog(nodeDisk, directory, readers);
  const records = unread.reduce((sum, one) => sum + one.records, 0);
  if (records === 0) return well('nothing that was accepted here waits for Kafka');
  const found = `${records.toLocaleString('en')} records that were accepted while Kafka was away are here and not in Kafka`;
  return warning(found, `Start the collector on ${config.data}: it appends them to Kafka, in order.`);
}
