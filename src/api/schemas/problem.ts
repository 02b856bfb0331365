/** The problem document (RFC 9457) that every error is. */
import { type Static, Type } from 'typebox';
import { ERROR_KINDS, type ErrorCode } from '../../lib/errors.ts';

export const ProblemSchema = Type.Object(
  {
    type: Type.String({ description: 'A URN made of the code.', examples: ['urn:spillway:error:QUERY_SYNTAX'] }),
    title: Type.String({ description: 'What kind of error it is; the same for each code.' }),
    status: Type.Integer({ description: 'The HTTP status.' }),
    detail: Type.String({ description: 'What happened here, and what to do.' }),
    code: Type.Unsafe<ErrorCode>({
      type: 'string',
      enum: Object.keys(ERROR_KINDS),
      description: 'Stable: program against this (docs/errors.md).',
    }),
    instance: Type.String({ description: 'Names this request in the log of the server.' }),
  },
  {
    title: 'Problem',
    additionalProperties: true,
    description: 'An error. Further members are facts about it, such as `position` or `limit`.',
  },
);

export type Problem = Static<typeof ProblemSchema>;
