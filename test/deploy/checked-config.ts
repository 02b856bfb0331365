/** A configuration of deploy/, as `spillway config check` sees it on a machine that has its secrets and a token. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createToken } from '../../src/api/auth/tokens.ts';
import { assertStartable } from '../../src/cli/startable.ts';
import { loadConfigWithSources } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import { messageOf } from '../../src/lib/errors.ts';

export interface CheckedConfig {
  readonly resolved: Config;
  /** What the check says; empty where it says nothing. */
  readonly problems: string;
}

export function checkedConfig(text: string): CheckedConfig {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-deploy-'));
  try {
    const file = join(folder, 'spillway.yaml');
    const here = text.replaceAll('/etc/spillway/secrets', join(folder, 'secrets'));
    for (const [path] of here.matchAll(new RegExp(`${folder}/secrets/[\\w.-]+`, 'g'))) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, 'secret');
    }
    writeFileSync(file, here);
    const data = join(folder, 'data');
    createToken(data, { tenant: 'default', scopes: ['admin'] });
    const loaded = loadConfigWithSources({ file, env: {}, overrides: { data } });
    let problems = '';
    try {
      assertStartable(loaded);
    } catch (thrown) {
      problems = messageOf(thrown);
    }
    return { resolved: loaded.config, problems };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
