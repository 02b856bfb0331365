import { messageOf } from '../../lib/errors.ts';
import { createTopology } from '../../process/topology.ts';
import { always, type Check } from '../check.ts';
import { well, wrong } from '../finding.ts';

export const topology: Check = {
  about: 'topology',
  applies: always,
  async examine({ config }) {
    try {
      createTopology(config.topology);
    } catch (thrown) {
      return [wrong(messageOf(thrown), 'Change the stage; `spillway config check` says in which line it stands.')];
    }
    const own = config.topology?.length ?? 0;
    return [well(own === 0 ? 'the built-in stages alone' : `${own} stages of the configuration can be used`)];
  },
};
