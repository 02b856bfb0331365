/** Redis as Debian has it; nothing is kept on the disk. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine } from './engine.ts';

export const redis: Engine = {
  programs: { 'redis-server': 'redis-server' },
  installers: {},
  maxNodes: 1,
  startsTogether: true,
  version: async () => 'debian',
  install: (folder) => writeFile(join(folder, 'README'), 'Redis runs from the Debian package redis-server.\n'),
  async plan({ data, settings, port: portOf }) {
    const port = await portOf('node-1');
    const options = { port: String(port), bind: '127.0.0.1', dir: data, save: '', ...settings };
    return [
      {
        name: 'node-1',
        host: '127.0.0.1',
        port,
        command: 'redis-server',
        args: Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
        ready: { kind: 'log', text: 'Ready to accept connections' },
      },
    ];
  },
};
