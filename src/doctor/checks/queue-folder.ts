/** Whether the data folder's queue is that of the configured engine, whole, and with nothing left behind in it. */
import { join } from 'node:path';
import { nodeDisk } from '../../lib/disk.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { DOCTOR_LIMITS } from '../../lib/limits.ts';
import { createLog } from '../../lib/log.ts';
import { isSegmentLog, readBacklog } from '../../queue/segment-log/backlog.ts';
import { lookAtTopics } from '../../roles/configured-kafka.ts';
import { assertFolderSite } from '../../roles/folder-site.ts';
import { assertGone, topicsToLeave, UNKNOWN_SITE } from '../../roles/gone-topics.ts';
import { isKnownHere } from '../../roles/kafka-queue.ts';
import { assertNotEmbedded, assertNotKafka, printUnread, QUEUE_READERS } from '../../roles/queue-binding.ts';
import { readSpooled } from '../../roles/spooled.ts';
import { always, type Check, type Installation } from '../check.ts';
import { type Finding, warning, well, wrong } from '../finding.ts';

export const queueFolder: Check = {
  about: 'queue folder',
  applies: always,
  async examine(installation) {
    try {
      const { queue } = installation.config;
      return queue.engine === 'embedded' ? [await embedded(installation)] : await ofKafka(installation);
    } catch (thrown) {
      return [refusal(thrown)];
    }
  },
};

/** What a start would be refused with. */
function refusal(thrown: unknown): Finding {
  if (!(thrown instanceof SpillwayError)) throw thrown;
  if (thrown.code === 'QUEUE_CORRUPT') {
    const mend = 'Put the file that is named back from a backup; docs/queue.md says what each of them is.';
    return wrong(thrown.message, mend);
  }
  const { advice } = thrown.details;
  if (typeof advice !== 'string') throw thrown;
  return wrong(`a start is refused: ${thrown.message.replace(` ${advice}`, '')}`, advice);
}

async function embedded({ config, holder }: Installation): Promise<Finding> {
  await assertNotKafka(config);
  await assertFolderSite(config);
  const directory = join(config.data, 'queue');
  if (!(await isSegmentLog(nodeDisk, directory))) return well('there is no queue yet: the first start makes it');
  if (holder !== undefined) return well('it is in use: `spillway topics` shows what is read');
  const unread = printUnread(await readBacklog(nodeDisk, directory, QUEUE_READERS));
  if (unread === '') return well('the processor and the store have read everything in it');
  return warning(unread, 'Start Spillway: it goes on there. Before this folder is left for good: spillway drain');
}

/** What a collector has accepted while Kafka was away, and whether it may go there. */
async function ofKafka(installation: Installation): Promise<readonly Finding[]> {
  const { config, holder } = installation;
  await assertNotEmbedded(config);
  const leaving = await topicsToLeave(config);
  if (leaving === undefined) await isKnownHere(config, false);
  if (holder !== undefined) return [well('it is in use')];
  const findings: Finding[] = [];
  if (leaving !== undefined) {
    // Says soon where no broker answers.
    await installation.kafka();
    const log = createLog('doctor', 'fatal');
    const { requestMs: questionMs, missingTopicMs: missingMs } = DOCTOR_LIMITS;
    const { topics: gone, site } = await assertGone(config, leaving, (looked) =>
      lookAtTopics(config, log, { ...looked, questionMs, missingMs }),
    );
    const found = `${gone.join(', ')}, to which the folder belongs, ${gone.length === 1 ? 'is' : 'are'} gone`;
    findings.push(warning(found, `A start goes on with ${config.queue.prefix}*: what was spooled here goes there.`));
    if (site === undefined)
      findings.push(warning(UNKNOWN_SITE, `Where they begin with ${config.site}, set another site.`));
  }
  const { records } = await readSpooled(config);
  if (records === 0) return [...findings, well('nothing that was accepted here waits for Kafka')];
  const found = `${records.toLocaleString('en')} records that were accepted while Kafka was away are here and not in Kafka`;
  return [...findings, warning(found, `Start the collector on ${config.data}: it appends them to Kafka, in order.`)];
}
