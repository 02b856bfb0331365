/** What is checked before anything runs, by `start` and by `config check`. */
import { listTokens } from '../api/auth/tokens.ts';
import { assertExposureAllowed } from '../config/exposure.ts';
import type { LoadedConfig } from '../config/load.ts';
import { messageOf, SpillwayError } from '../lib/errors.ts';
import { createTopology } from '../process/topology.ts';
import type { RoleName } from '../roles/messages.ts';

/** Throws CONFIG_INVALID, naming the place in the file where a stage is wrong. `role`: the one that is to run alone. */
export function assertStartable({ config, written }: LoadedConfig, role?: RoleName): void {
  if (role !== undefined && config.queue.engine === 'embedded') {
    throw new SpillwayError(
      'CONFIG_INVALID',
      `The ${role} cannot run alone: the embedded queue is for all roles on one machine, and the others could not reach ` +
        'it. Start without --role, or set queue.engine: kafka for all of them.',
    );
  }
  assertExposureAllowed(config, listTokens(config.data).length);
  try {
    createTopology(config.topology);
  } catch (error) {
    const place = /topology\.\d+/.exec(messageOf(error))?.[0] ?? 'topology';
    const where = written.get(place)?.where;
    if (!(error instanceof SpillwayError) || where === undefined) throw error;
    throw new SpillwayError(error.code, `${where}: ${error.message}`, { cause: error, details: error.details });
  }
}
