/** `GET /api/slices`. Of slices that tenants share, how large they are is for admins alone: it tells of the others. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import { SpillwayError } from '../../lib/errors.ts';
import { QUERY_LIMITS } from '../../lib/limits.ts';
import type { Decision } from '../../search/policy/slice-policy.ts';
import type { DescribedSlice, SliceReader } from '../../search/port.ts';
import { expiryOf, ownerOf, sliceSpan } from '../../search/slices.ts';
import { questions } from '../catalogue/index.ts';
import type { SlicesAnswer } from '../schemas/slices.ts';
import { isoTime, parseTime } from '../time.ts';
import type { Asking } from './asking.ts';

const DEFAULT_SLICES = 1_000;

export function sliceRoutes(server: FastifyInstance, { clock }: Asking, reader: SliceReader): void {
  const app = server.withTypeProvider<TypeBoxTypeProvider>();

  app.route({
    ...questions.slices,
    handler: async ({ query, principal }) => {
      const isAdmin = principal.scopes.has('admin');
      const { tenant = isAdmin ? undefined : principal.tenant, limit = DEFAULT_SLICES, after = 0 } = query;
      if (!isAdmin && tenant !== principal.tenant) {
        throw new SpillwayError('FORBIDDEN', `Only an admin sees the slices of ${tenant}.`);
      }
      const time = (name: 'from' | 'to', otherwise: number) => {
        const asked = query[name];
        return asked === undefined ? otherwise : parseTime(asked, clock.now(), name, name === 'from' ? 'start' : 'end');
      };
      const [fromMs, toMs] = [time('from', Number.NEGATIVE_INFINITY), time('to', Number.POSITIVE_INFINITY)];
      if (tenant === undefined && (query.from ?? query.to) !== undefined) {
        throw new SpillwayError('BAD_REQUEST', 'A range needs a tenant: it selects what its questions touch.', {
          details: { parameter: 'tenant' },
        });
      }
      const touched = tenant === undefined ? undefined : new Set(await reader.touched(tenant, fromMs, toMs));
      const all = (await reader.describe()).filter(({ where }) => touched?.has(where) ?? true);
      const decisions = reader.decisions().filter((one) => isAdmin || one.tenant === '' || one.tenant === tenant);
      const next = after + limit;
      return {
        slices: all.slice(after, next).map((slice) => shownSlice(slice, isAdmin)),
        decisions: decisions
          .toSorted((a, b) => b.version - a.version)
          .slice(0, QUERY_LIMITS.slicesPerPage)
          .map(shownDecision),
        ...(next < all.length ? { next } : {}),
      };
    },
  });
}

function shownSlice(described: DescribedSlice, isAdmin: boolean): SlicesAnswer['slices'][number] {
  const { slice, tier, where, rows, bytesOnDisk, bounds, tenants } = described;
  const { fromMs, toMs } = sliceSpan(slice);
  const owner = ownerOf(slice);
  return {
    tier,
    ...(owner === undefined ? {} : { tenant: owner }),
    from: isoTime(fromMs),
    to: isoTime(toMs),
    expires: isoTime(expiryOf(slice)),
    ...(bounds === undefined || (owner === undefined && !isAdmin)
      ? {}
      : { oldest: isoTime(bounds.fromMs), newest: isoTime(bounds.toMs) }),
    where,
    ...(owner === undefined && !isAdmin ? {} : { docs: rows, bytes: bytesOnDisk }),
    ...(tenants === undefined || !isAdmin ? {} : { tenants }),
  };
}

function shownDecision({ tenant, rule, fromMs, decidedMs, why }: Decision): SlicesAnswer['decisions'][number] {
  return {
    ...(tenant === '' ? {} : { tenant }),
    ...(rule === null ? {} : { tier: rule.tier }),
    from: isoTime(fromMs),
    decided: isoTime(decidedMs),
    why,
  };
}
