/** The embedded search engine is an optional package: without it the store cannot start. */
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { type Check, runsStore } from '../check.ts';
import { well, wrong } from '../finding.ts';

export const embeddedSearch: Check = {
  about: 'search engine',
  applies: (installation) => runsStore(installation) && installation.config.search.engine === 'embedded',
  async examine() {
    try {
      createRequire(import.meta.url).resolve('chdb');
      return [well('the embedded engine (chdb) is installed')];
    } catch {
      const mend = 'npm install chdb (there is one for Linux and macOS), or set search.engine: opensearch';
      return [wrong(`the embedded engine (chdb) is not installed for ${platform()} ${arch()}`, mend)];
    }
  },
};
