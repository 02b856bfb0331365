/** `GET /api/slices`. */
import { type Static, Type } from 'typebox';
import { QUERY_LIMITS } from '../../lib/limits.ts';
import { AskedTime, Closed, IsoTime } from './common.ts';

export const SlicesQuestionSchema = Closed(
  {
    tenant: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        description: "Only slices that this tenant's questions touch. Without the scope admin it is your own.",
      }),
    ),
    from: Type.Optional(AskedTime('With a tenant: only slices that a question from this time on touches.', 'all')),
    to: Type.Optional(AskedTime('With a tenant: only slices that a question up to this time touches.', 'all')),
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: QUERY_LIMITS.slicesPerPage,
        default: 1_000,
        description: 'Slices on a page.',
      }),
    ),
    after: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 10_000_000, description: 'Slices to skip: the `next` of the page before.' }),
    ),
  },
  'Where events are.',
);

export const SlicesAnswerSchema = Type.Object(
  {
    slices: Type.Array(
      Type.Object({
        tier: Type.String({ description: 'The tier of the tenants whose slice it is.' }),
        tenant: Type.Optional(Type.String({ description: 'Whose own it is; absent where tenants share it.' })),
        from: IsoTime('Beginning of its time.'),
        to: IsoTime('End of its time (exclusive).'),
        expires: IsoTime('When retention drops it.'),
        oldest: Type.Optional(IsoTime('No event in it has an older timestamp.')),
        newest: Type.Optional(IsoTime('No event in it has a newer timestamp.')),
        where: Type.String({
          description: "The engine's name for it: a partition of its table, or an index.",
          examples: ['30-20782', 'spillway-slice-30d-2026-11-25'],
        }),
        docs: Type.Optional(Type.Integer({ description: 'Events in it, of all tenants. Shared: only for admins.' })),
        bytes: Type.Optional(
          Type.Integer({ description: 'On disk, without replicas waiting. Shared: only for admins.' }),
        ),
        tenants: Type.Optional(Type.Integer({ description: 'How many have events in it, where the engine knows.' })),
      }),
    ),
    decisions: Type.Array(
      Type.Object({
        tenant: Type.Optional(Type.String({ description: 'Absent: all that have no decision of their own.' })),
        tier: Type.Optional(Type.String({ description: 'Absent: the same as all others.' })),
        from: IsoTime('It holds for slice times from here on.'),
        decided: IsoTime('When it was decided.'),
        why: Type.String(),
      }),
      { description: 'What was decided about who has which slices, newest first.' },
    ),
    next: Type.Optional(Type.Integer({ description: 'Give it as `after` for the next page.' })),
  },
  { title: 'SlicesAnswer' },
);
export type SlicesAnswer = Static<typeof SlicesAnswerSchema>;
