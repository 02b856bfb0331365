/** `spillway segment check FILE`: what is in a segment of the queue, and what is wrong with it. */

import { count } from '../lib/plural.ts';
import { formatSize } from '../lib/units.ts';
import { checkSegment, type SegmentReport } from '../queue/segment-log/check-segment.ts';
import { type Command, EXIT, type Invocation, UsageError } from './command.ts';
import { shownTime } from './times.ts';

export const command: Command = {
  usage: 'segment check FILE …',
  summary: 'Check a segment file of the queue, checksum by checksum.',
  details: ['It changes nothing, and Spillway need not run. Exit 1 where something is wrong.'],
  options: {},
  args: [2, 10_000],
  examples: [['spillway segment check data/queue/raw/0/*.log', 'one partition of raw']],
  async run(invocation) {
    const [action, ...files] = invocation.args;
    if (action !== 'check')
      throw new UsageError(
        `"${action}" is not something to do with a segment.`,
        'Did you mean: spillway segment check',
      );
    let isRight = true;
    for (const file of files) {
      const report = await checkSegment(file);
      show(report, invocation);
      isRight &&= report.problems.length === 0;
    }
    return isRight ? EXIT.done : EXIT.failed;
  },
};

function show(report: SegmentReport, { output }: Invocation): void {
  if (!output.isTerminal) {
    output.line(JSON.stringify(report));
    return;
  }
  const verdict = report.problems.length === 0 ? output.style('green', 'right') : output.style('red', 'wrong');
  const range = `offsets ${count(report.baseOffset)} to ${count(report.nextOffset)}`;
  output.line(`${report.file}: ${verdict}`);
  output.line(
    `  ${count(report.records)} records in ${count(report.batches)} batches, ${range}, ${formatSize(report.sizeBytes)}`,
  );
  if (report.oldestMs !== undefined && report.newestMs !== undefined) {
    output.line(
      `  ${shownTime(new Date(report.oldestMs).toISOString())} to ${shownTime(new Date(report.newestMs).toISOString())}`,
    );
  }
  for (const problem of report.problems) {
    output.line(
      `  ${output.style('red', problem.kind)} at bytes ${count(problem.from)} to ${count(problem.to)}, from offset ${count(problem.fromOffset)}`,
    );
    output.line(`    ${problem.advice}`);
  }
}
