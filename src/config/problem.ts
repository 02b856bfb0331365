import { SpillwayError } from '../lib/errors.ts';

/** One thing that is wrong with the configuration. */
export interface Problem {
  /** `spillway.yaml:3:5`, `environment SPILLWAY_HTTP_PORT` or `command line`. */
  readonly where: string;
  /** What is wrong and what to do, in full sentences. */
  readonly what: string;
}

/** All problems in one error, so that a person mends them in one go. */
export function configError(problems: readonly Problem[]): SpillwayError {
  const title =
    problems.length === 1 ? 'The configuration has a problem:' : `The configuration has ${problems.length} problems:`;
  const inOrder = problems.toSorted((a, b) => a.where.localeCompare(b.where, 'en', { numeric: true }));
  const lines = inOrder.map((problem) => `  ${problem.where}: ${problem.what}`);
  return new SpillwayError('CONFIG_INVALID', [title, ...lines].join('\n'), { details: { problems: problems.length } });
}
