/** `GET /api/ledger`, `/api/status`, `/health/*` and `/metrics`. */
import { type Static, Type } from 'typebox';
import { LEDGER_LIMITS } from '../../lib/limits.ts';
import { AskedTime, Closed, IsoTime } from './common.ts';

const counts = {
  accepted: Type.Integer({ description: 'Records accepted from senders.' }),
  written: Type.Integer({ description: 'Of them visible in the search store.' }),
  dropped: Type.Integer({ description: 'Of them taken by a rule.' }),
  deadLettered: Type.Integer({ description: 'Of them kept as dead letters.' }),
  inFlight: Type.Integer({ description: 'accepted - written - dropped - deadLettered: 0 at rest.' }),
};

export const LedgerQuestionSchema = Closed(
  {
    from: Type.Optional(AskedTime('Received at or after this, in whole minutes.', 'now-1h')),
    to: Type.Optional(AskedTime('Received before this.', 'now')),
    by: Type.Optional(
      Type.String({
        pattern: '^(minute|hour|tenant|partition)(,(minute|hour|tenant|partition)){0,3}$',
        'x-expects': 'of minute or hour, tenant and partition, separated by commas',
        default: 'tenant',
        description: 'One line for each combination of these: minute or hour, tenant, partition.',
        examples: ['minute,tenant'],
      }),
    ),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: LEDGER_LIMITS.answerLines, default: 1_000, description: 'Lines on a page.' }),
    ),
    after: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: LEDGER_LIMITS.answerLines,
        description: 'Lines to skip: the `next` of the page before.',
      }),
    ),
  },
  'The account of what was accepted.',
);

export const LedgerAnswerSchema = Type.Object(
  {
    from: IsoTime('Start of the range, a whole minute.'),
    to: IsoTime('End of the range (exclusive).'),
    lines: Type.Array(
      Type.Object({
        time: Type.Optional(IsoTime('Start of the minute or hour.')),
        tenant: Type.Optional(Type.String()),
        partition: Type.Optional(Type.Integer({ description: 'Of `raw`.' })),
        ...counts,
      }),
    ),
    total: Type.Object(counts, { description: 'Over the whole range, also where there are more lines.' }),
    asOf: Type.Optional(
      IsoTime('Where process trees share a queue: when it was looked how much there is. Absent before the first time.'),
    ),
    complete: Type.Optional(
      Type.Boolean({
        description:
          'Where process trees share a queue: whether all that was there at `asOf` is counted, and that was just now.',
      }),
    ),
    missing: Type.Optional(
      Type.Array(
        Type.Object({
          log: Type.String({
            description: 'What is counted, and the partition of its topic.',
            examples: ['accepted/0', 'processed/0', 'written/0', 'refused/0', 'unwritten/4'],
          }),
          why: Type.Unsafe<'not yet' | 'gone' | 'unread'>({
            type: 'string',
            enum: ['not yet', 'gone', 'unread'],
            description:
              '`not yet`: it is there and will be counted. `gone`: it was removed before anybody counted it. ' +
              '`unread`: the queue does not say how much there is.',
          }),
          offsets: Type.Optional(Type.Integer({ description: 'How many; of `accepted` they are records.' })),
          before: Type.Optional(IsoTime('What is gone was received before this.')),
        }),
        { description: 'What is not in the counts, for tokens with `admin`.' },
      ),
    ),
    next: Type.Optional(Type.Integer({ description: 'Give it as `after` for the next page.' })),
  },
  { title: 'LedgerAnswer' },
);

export const HealthAnswerSchema = Type.Object(
  {
    status: Type.Unsafe<'ok' | 'degraded' | 'unavailable'>({
      type: 'string',
      enum: ['ok', 'degraded', 'unavailable'],
      description: '`degraded` is 200: it answers, and tells senders and readers itself what it cannot do now.',
    }),
    reasons: Type.Optional(Type.Array(Type.String(), { description: 'What is missing or in trouble.' })),
  },
  { title: 'HealthAnswer' },
);

export const StatusAnswerSchema = Type.Object(
  {
    time: IsoTime('Now, by the clock of this machine.'),
    health: HealthAnswerSchema,
    roles: Type.Array(
      Type.Object({
        role: Type.String({ examples: ['collector', 'processor', 'store'] }),
        state: Type.String({ examples: ['starting', 'ready', 'silent', 'waiting', 'stopping', 'stopped'] }),
        pid: Type.Union([Type.Integer(), Type.Null()]),
        restarts: Type.Integer({ minimum: 0 }),
        lastExit: Type.Optional(Type.String({ description: 'Why it ended the last time.' })),
        waitsFor: Type.Optional(
          Type.String({ description: 'What it needs before it can begin, such as a queue that does not answer.' }),
        ),
        since: Type.Optional(IsoTime('When it was started; of one that is silent, when it was heard last.')),
      }),
    ),
    disk: Type.Optional(
      Type.Object(
        {
          freeBytes: Type.Integer({ minimum: 0, description: 'What may still be written.' }),
          usedPercent: Type.Number({ minimum: 0, maximum: 100, description: 'As `df` counts it.' }),
        },
        { description: 'The disk that the queue, or what is kept for it, is on.' },
      ),
    ),
    spool: Type.Optional(
      Type.Object(
        {
          records: Type.Integer({ minimum: 0, description: 'Of all tenants together.' }),
          since: IsoTime('Since when something is kept.'),
        },
        { description: "What was accepted and is kept on this machine's disk, because the queue is away." },
      ),
    ),
    you: Type.Object(
      { tenant: Type.String(), scopes: Type.Array(Type.String()), token: Type.Optional(Type.String()) },
      { description: 'Whom the server takes you for.' },
    ),
  },
  { title: 'StatusAnswer' },
);

export const MetricsTextSchema = Type.String({ description: "Prometheus's text format." });

export type LedgerReport = Static<typeof LedgerAnswerSchema>;
export type StatusAnswer = Static<typeof StatusAnswerSchema>;
export type HealthAnswer = Static<typeof HealthAnswerSchema>;
