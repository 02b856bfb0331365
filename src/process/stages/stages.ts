/** All kinds of stages. */

import type { FilterOptions } from './filter.ts';
import { filter } from './filter.ts';
import type { ParseOptions } from './parse.ts';
import { parse } from './parse.ts';
import type { RedactOptions } from './redact.ts';
import { redact } from './redact.ts';
import type { StageDefinition } from './stage.ts';

export type Stage = ParseOptions | FilterOptions | RedactOptions;
export type StageKind = Stage['stage'];

export const STAGES: { readonly [Kind in StageKind]: StageDefinition<Extract<Stage, { stage: Kind }>> } = {
  parse,
  filter,
  redact,
};

export function isStageKind(name: string): name is StageKind {
  return Object.hasOwn(STAGES, name);
}
