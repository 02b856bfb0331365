/** S3 by versitygw: objects are files below its data folder. It is not known to sync them: no proof of durability. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine } from './engine.ts';
import { run } from './run.ts';

const VERSION = '1.8.0';
export const S3_ACCESS_KEY = 'testkey';
export const S3_SECRET_KEY = 'testsecret';

export const s3: Engine = {
  programs: {},
  installers: { go: 'golang-go' },
  maxNodes: 1,
  startsTogether: true,
  version: async () => VERSION,
  async install(folder) {
    const program = `github.com/versity/versitygw/cmd/versitygw@v${VERSION}`;
    await run('go', ['install', program], { GOBIN: join(folder, 'bin') });
  },
  async plan({ home, data, port: portOf }) {
    const port = await portOf('node-1');
    const objects = join(data, 'objects');
    await mkdir(objects, { recursive: true });
    return [
      {
        name: 'node-1',
        host: '127.0.0.1',
        port,
        command: join(home, 'bin/versitygw'),
        args: ['--port', `127.0.0.1:${port}`, 'posix', objects],
        env: { ROOT_ACCESS_KEY: S3_ACCESS_KEY, ROOT_SECRET_KEY: S3_SECRET_KEY },
        ready: { kind: 'tcp' },
      },
    ];
  },
  hint: `access key ${S3_ACCESS_KEY}, secret ${S3_SECRET_KEY}, region us-east-1, path style`,
};
