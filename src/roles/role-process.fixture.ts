/** Stands for a role whose queue was away: it waits, then begins, and never gets ready. */
import type { FromRole, ToRole } from './messages.ts';

const say = (message: FromRole) => process.send?.(message);

process.on('message', ({ kind }: ToRole) => {
  if (kind === 'start') say({ kind: 'waiting', waitsFor: 'Waiting for the queue.' });
  // As if the queue had come.
  if (kind === 'catalogue') say({ kind: 'starting' });
  if (kind === 'stop') process.exit(0);
});
