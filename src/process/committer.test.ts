/** Positions of a processor whose coordinator is slow, silent, or knows it no more. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SpillwayError } from '../lib/errors.ts';
import { PROCESS_LIMITS } from '../lib/limits.ts';
import type { AssignedPartition } from '../queue/port.ts';
import { recordingLog } from '../queue/segment-log/test-log.ts';
import { Committer } from './committer.ts';

const unanswered = new SpillwayError('QUEUE_UNREACHABLE', 'the coordinator did not answer');
const fenced = new SpillwayError('QUEUE_FENCED', 'another owner has taken over');

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

function committer(answers: readonly (SpillwayError | undefined)[]) {
  const asked: number[] = [];
  const failures: unknown[] = [];
  const commit = async (position: number) => {
    const answer = answers[asked.push(position) - 1];
    if (answer !== undefined) throw answer;
  };
  const assigned = { partition: 0, commit } as unknown as AssignedPartition;
  const made = new Committer(assigned, recordingLog([]), (failure) => failures.push(failure));
  return { made, asked, failures, pass: () => vi.advanceTimersByTimeAsync(PROCESS_LIMITS.commitMs) };
}

it('a commit that is not answered is made again, as far as it has come by then, and ends nothing', async () => {
  const { made, asked, failures, pass } = committer([unanswered, unanswered]);
  made.reached(1);
  await pass();
  made.reached(2);
  await pass();
  made.reached(3);
  await pass();
  await pass();
  expect(asked).toEqual([1, 2, 3]);
  expect(failures).toEqual([]);
});

it('a commit that somebody else’s ownership refuses ends the run, once', async () => {
  const { made, asked, failures, pass } = committer([fenced]);
  made.reached(1);
  await pass();
  made.reached(2);
  await pass();
  await made.close();
  expect([asked, failures]).toEqual([[1], [fenced]]);
});

it('what is left is committed at the end, unless nobody answers', async () => {
  const answered = committer([]);
  answered.made.reached(1);
  await answered.made.close();
  expect(answered.asked).toEqual([1]);
  const silent = committer([unanswered]);
  silent.made.reached(1);
  await silent.pass();
  await silent.made.close();
  expect(silent.asked).toEqual([1]);
});
