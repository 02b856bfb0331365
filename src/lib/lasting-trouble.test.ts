/** What the log says of an outage. */
import { expect, it } from 'vitest';
import { LastingTrouble } from './lasting-trouble.ts';
import { createLog } from './log.ts';

const TEXT = 'The queue does not answer.';
const OVER = 'The queue answers again.';
const AGAIN = `Still: ${TEXT}`;

function troubled() {
  const said: [level: string, text: string, failing?: readonly string[]][] = [];
  const record = (level: string) => (fields: { failing?: readonly string[] }, text: string) => {
    said.push(fields.failing === undefined ? [level, text] : [level, text, fields.failing]);
  };
  const log = Object.assign(Object.create(createLog('test', 'silent')), {
    ...{ warn: record('warn'), error: record('error'), info: record('info') },
  });
  const clock = { nowMs: 0 };
  const trouble = new LastingTrouble({ log, text: TEXT, over: OVER, againMs: 60, nowMs: () => clock.nowMs });
  return { said, clock, trouble };
}

it('an outage that many notice is said when it begins, once a minute, and when it is over for all of them', () => {
  const { said, clock, trouble } = troubled();
  const [one, another] = [{}, {}];
  for (; clock.nowMs < 150; clock.nowMs += 5) {
    trouble.failed(one, 'looking', 'refused');
    trouble.failed(another, 'beating', 'refused');
    trouble.passed({});
  }
  expect(said).toEqual([
    ['warn', TEXT, ['looking']],
    ['warn', AGAIN, ['looking', 'beating']],
    ['warn', AGAIN, ['looking', 'beating']],
  ]);
});

it('is over when the last one says so, and a new one is said at once after a minute', () => {
  const { said, clock, trouble } = troubled();
  const [one, another] = [{}, {}];
  trouble.failed(one, 'looking', 'refused');
  trouble.failed(another, 'beating', 'refused');
  trouble.passed(one);
  trouble.passed(one);
  expect(said).toHaveLength(1);
  trouble.passed(another);
  expect(said.at(-1)).toEqual(['info', OVER]);
  clock.nowMs += 60;
  trouble.failed(one, 'looking', 'refused');
  expect(said.at(-1)).toEqual(['warn', TEXT, ['looking']]);
});

it('one that comes and goes fills no log, and is said when it lasts', () => {
  const { said, clock, trouble } = troubled();
  const one = {};
  for (; clock.nowMs < 60; clock.nowMs++) {
    trouble.failed(one, 'looking', 'refused');
    trouble.passed(one);
  }
  expect(said).toEqual([
    ['warn', TEXT, ['looking']],
    ['info', OVER],
  ]);
  trouble.failed(one, 'looking', 'refused');
  expect(said.at(-1)).toEqual(['warn', TEXT, ['looking']]);
});

it('is not said to be over because nobody looks any more', () => {
  const { said, trouble } = troubled();
  const one = {};
  trouble.failed(one, 'beating', 'refused');
  trouble.forget(one);
  trouble.passed(one);
  expect(said).toEqual([['warn', TEXT, ['beating']]]);
});

it('what does not pass by itself is said at once, as an error', () => {
  const { said, trouble } = troubled();
  trouble.failed({}, 'looking', 'refused');
  trouble.failed({}, 'looking', 'another cluster', true);
  trouble.failed({}, 'looking', 'another cluster', true);
  expect(said.map(([level]) => level)).toEqual(['warn', 'error']);
  trouble.end();
  trouble.failed({}, 'looking', 'refused', true);
  expect(said).toHaveLength(2);
});
