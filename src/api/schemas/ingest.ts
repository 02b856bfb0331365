/** `POST /api/logs`. The collector reads its body itself, as bytes; these schemas document and type it. */
import { type Static, Type } from 'typebox';
import { ERROR_KINDS, type ErrorCode } from '../../lib/errors.ts';
import { COLLECT_LIMITS } from '../../lib/limits.ts';
import { Closed } from './common.ts';

const FillIn = (name: string) =>
  Type.Optional(Type.String({ description: `\`metadata.${name}\` of events that do not say it themselves.` }));

export const LogsQuestionSchema = Closed(
  { team: FillIn('team'), app: FillIn('app'), host: FillIn('host') },
  'What fills in what lines lack.',
);

export const LogsHeadersSchema = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      maxLength: COLLECT_LIMITS.idempotencyKeyBytes,
      description: 'Makes a retry safe for 24 hours: the same key with the same body is accepted once.',
    }),
  ),
});

export const LogsBodySchema = Type.Unknown({
  description:
    'As `application/json` an object or an array of them; as `application/x-ndjson` one object a line; as `text/plain` (or without a type) one event a line. May be gzip, deflate or zstd.',
});

const RecordProblemSchema = Type.Object({
  line: Type.Optional(Type.Integer({ minimum: 1, description: 'Number of the line.' })),
  element: Type.Optional(Type.Integer({ minimum: 0, description: 'Number of the element of an array.' })),
  code: Type.Unsafe<ErrorCode>({ type: 'string', enum: Object.keys(ERROR_KINDS) }),
  reason: Type.String(),
});

export const LogsAnswerSchema = Type.Object(
  {
    accepted: Type.Integer({ minimum: 0, description: 'Records that are durable in the queue.' }),
    deadLettered: Type.Integer({ minimum: 0, description: 'Of the others, kept as dead letters.' }),
    errors: Type.Optional(
      Type.Array(RecordProblemSchema, {
        description: `What was wrong with which records, the first ${COLLECT_LIMITS.errorsPerAnswer}.`,
      }),
    ),
  },
  { title: 'LogsAnswer' },
);

export type LogsAnswer = Static<typeof LogsAnswerSchema>;
