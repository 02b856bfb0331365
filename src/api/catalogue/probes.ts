/** Routes that both the front door and the store answer. */
import * as account from '../schemas/account.ts';
import { define } from './define.ts';

export const probes = {
  live: define(
    {
      method: 'GET',
      url: '/health/live',
      scope: 'nobody',
      anyHost: true,
      summary: 'Whether the process runs',
      answer: account.HealthAnswerSchema,
    },
    {},
  ),
  ready: define(
    {
      method: 'GET',
      url: '/health/ready',
      scope: 'nobody',
      anyHost: true,
      summary: 'Whether it can do its work',
      answer: account.HealthAnswerSchema,
    },
    {},
  ),
} as const;
