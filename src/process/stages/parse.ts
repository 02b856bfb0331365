/** The stage that makes the event: parsing by format, then what can be detected in a text (parse/detect.ts). */
import { type Static, Type } from 'typebox';
import { DETECTIONS } from '../parse/detect.ts';
import { Parser } from '../parse/parser.ts';
import type { StageDefinition } from './stage.ts';

export const ParseSchema = Type.Object(
  {
    stage: Type.Literal('parse'),
    detect: Type.Optional(
      Type.Array(Type.Enum([...DETECTIONS]), {
        uniqueItems: true,
        description: 'What is looked for in a text: all of it where this is left out, nothing where it is empty.',
      }),
    ),
  },
  {
    additionalProperties: false,
    description:
      'Makes the event of what was received. It is the first stage, also where it is not written; write it to choose what is looked for.',
  },
);
export type ParseOptions = Static<typeof ParseSchema>;

export const parse: StageDefinition<ParseOptions> = {
  schema: ParseSchema,
  compile({ detect = DETECTIONS }) {
    const parser = new Parser(detect);
    return { of: 'record', parse: (draft) => parser.parse(draft) };
  },
};
