/** `spillway doctor`, with faults of this machine made for real. */

import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { run as runProgram, TestDisks, takeSpace } from '../support/disks.ts';
import { askDoctor, run } from '../support/doctor.ts';
import { findProgram, lacks } from '../support/needs.ts';
import { freePort } from '../support/ports.ts';
import { SpillwayProcess } from '../support/spillway.ts';

const folder = mkdtempSync(join(tmpdir(), 'spillway-doctor-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let folders = 0;
const data = () => join(folder, `data-${folders++}`);

describe('doctor', () => {
  test('finds nothing wrong with a fresh machine, and changes nothing there', async () => {
    const asked = { data: data() };
    const { status, findings, of, text } = await askDoctor(asked);
    expect(findings.filter(({ state }) => state === 'wrong')).toEqual([]);
    expect(status).toBe(0);
    expect(of('data-folder')[0]?.found).toContain('can be made');
    expect(of('disk-sync')[0]?.found).toMatch(/a synced write takes [\d.]+ ms/);
    expect(JSON.parse(text.trim().split('\n').at(-1) ?? '')).toMatchObject({ total: true, wrong: 0 });
    // Nothing was made: not the folder, and no file for the trial is left.
    const again = await run(['ls', '-A', folder]);
    expect(again.text).not.toContain('data-0');
    expect(again.text).not.toContain('doctor');
  });

  test('says which process has a port, and how to get another', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const { status, of } = await askDoctor({ data: data(), config: { http: { port } } });
    server.close();
    expect(status).toBe(1);
    const [found] = of('ports');
    expect(found?.state).toBe('wrong');
    if (process.platform === 'linux') expect(found?.found).toContain(`process ${process.pid}`);
    expect(found?.mend).toContain('http.port');
  });

  test('knows an address that is not of this machine', async () => {
    const config = { http: { port: await freePort(), host: '203.0.113.7' } };
    const { of } = await askDoctor({ data: data(), config });
    expect(of('ports')[0]).toMatchObject({ state: 'wrong', mend: expect.stringContaining('http.host') });
    // It would also be open to the network, with no token.
    expect(of('access')[0]).toMatchObject({ state: 'wrong', mend: expect.stringContaining('spillway token create') });
  });

  test('says that there may be too few open files', async () => {
    const under = ['sh', '-c', 'ulimit -n 512; exec "$@"', 'sh'];
    const { status, of } = await askDoctor({ data: data(), under });
    expect(of('open-files')[0]).toMatchObject({ state: 'wrong', mend: expect.stringContaining('LimitNOFILE') });
    expect(status).toBe(1);
  });

  test('names the stage of the topology that cannot be used', async () => {
    const { of } = await askDoctor({
      data: data(),
      config: { topology: [{ stage: 'filter', when: 'a:(', drop: true }] },
    });
    expect(of('topology')[0]?.state).toBe('wrong');
  });

  test('ends with 1 where the configuration is wrong, and with 2 where it is asked wrongly', async () => {
    const unknownOption = await askDoctor({ data: data(), config: { htp: {} } });
    expect(unknownOption).toMatchObject({ status: 1, text: expect.stringContaining('CONFIG_INVALID') });
    expect((await askDoctor({ data: data(), args: ['--role', 'cook'] })).status).toBe(2);
  });

  test('says that the data folder belongs to a queue on Kafka', async () => {
    const asked = { data: data() };
    mkdirSync(join(asked.data, 'queue'), { recursive: true });
    writeFileSync(join(asked.data, 'queue/kafka.json'), '{"topics":{"spillway.raw":"x"}}\n');
    const { of } = await askDoctor(asked);
    const [found] = of('queue-folder');
    expect(found).toMatchObject({ state: 'wrong', found: expect.stringContaining('spillway.raw') });
    // Whoever else reads those topics reads all that is there.
    expect(found?.mend).toContain('needs no drain');
  });

  test('says that the data folder is of another site, as a start does', async () => {
    const asked = { data: data() };
    mkdirSync(join(asked.data, 'queue'), { recursive: true });
    writeFileSync(join(asked.data, 'queue/site.json'), '{"site":"old"}\n');
    const { of } = await askDoctor(asked);
    const mend = expect.stringContaining('Set site: old');
    expect(of('queue-folder')[0]).toMatchObject({ state: 'wrong', found: expect.stringContaining("'old'"), mend });
  });

  test('while it runs: who has the ports and how the roles are; nothing of it is disturbed', async () => {
    const spillway = await SpillwayProcess.start();
    try {
      const http = { port: spillway.port('http') };
      const syslog = [{ port: spillway.port('syslog TCP') }];
      const config = { http, inputs: { syslog } };
      const told = await askDoctor({ data: join(spillway.folder, 'data'), config });
      expect(told.findings.filter(({ state }) => state === 'wrong')).toEqual([]);
      expect(told.of('running').map(({ found }) => found)).toEqual([
        expect.stringContaining('is ready'),
        'the collector runs',
        'the processor runs',
        'the store runs',
      ]);
      for (const { found } of told.of('ports')) expect(found).toMatch(/by this Spillway|as it seems/);
      // One that stands still has the folder and does not answer.
      const roles = await spillway.roles();
      for (const { pid } of roles) if (pid !== null) process.kill(pid, 'SIGSTOP');
      const stopped = await askDoctor({ data: join(spillway.folder, 'data'), config });
      for (const { pid } of roles) if (pid !== null) process.kill(pid, 'SIGCONT');
      expect(stopped.of('running')[0]).toMatchObject({
        state: 'wrong',
        found: expect.stringContaining('nothing answers'),
      });
      expect(stopped.status).toBe(1);
    } finally {
      await spillway.dispose();
    }
  });
});

describe.skipIf(lacks('doctor and disks', { root: true, mounts: 'tmpfs', programs: { fallocate: 'util-linux' } }))(
  'doctor and disks',
  () => {
    const disks = new TestDisks();
    afterAll(() => disks.dispose());

    test('a full disk', async () => {
      const path = disks.tmpfs('full', '4m');
      takeSpace(join(path, 'other'), 4 * 1024 ** 2);
      const { status, of } = await askDoctor({ data: path, config: { queue: { highWater: '90%' } } });
      expect(status).toBe(1);
      expect(of('disk-space')[0]).toMatchObject({ state: 'wrong', found: expect.stringContaining('100 % used') });
      expect(of('data-folder')[0]).toMatchObject({ state: 'wrong', mend: expect.stringContaining('Free some space') });
      expect(of('data-folder')[1]).toMatchObject({ state: 'warning', found: expect.stringContaining('tmpfs') });
      expect(of('disk-sync')[0]?.state).toBe('unknown');
    });

    test('one that is nearly at the mark at which inputs pause', async () => {
      const path = disks.tmpfs('near', '10m');
      takeSpace(join(path, 'other'), 8.5 * 1024 ** 2);
      const { of } = await askDoctor({ data: path, config: { queue: { highWater: '90%' } } });
      expect(of('disk-space')[0]).toMatchObject({ state: 'warning', found: expect.stringContaining('90 %') });
    });

    test('a folder that is mounted read-only', async () => {
      const path = disks.tmpfs('read-only', '4m');
      runProgram('mount', '-o', 'remount,ro', path);
      const { of } = await askDoctor({ data: path });
      expect(of('data-folder')[0]).toMatchObject({ state: 'wrong', mend: expect.stringContaining('remount,rw') });
    });

    test('files of another user', async () => {
      const asked = { data: data() };
      mkdirSync(join(asked.data, 'queue/raw'), { recursive: true });
      chownSync(join(asked.data, 'queue/raw'), 12_345, 12_345);
      const { of } = await askDoctor(asked);
      expect(of('data-folder')).toContainEqual(
        expect.objectContaining({
          state: 'wrong',
          found: expect.stringContaining('user 12345'),
          mend: expect.stringContaining('chown -R 0 '),
        }),
      );
    });
  },
);

const otherUser = { root: true, otherUsers: true, programs: { setpriv: 'util-linux' } };

describe.skipIf(lacks('doctor of another user', otherUser))('doctor of another user', () => {
  const USER = 10_001;
  const under = ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups'];
  /** As Kubernetes gives it to a pod: a volume of the group, and a secret of root behind links. */
  const volume = (owner: number) => {
    const path = join(folder, `volume-${folders++}`);
    mkdirSync(join(path, 'queue/raw'), { recursive: true });
    for (const each of [path, join(path, 'queue'), join(path, 'queue/raw')]) {
      chownSync(each, owner, USER);
      chmodSync(each, 0o2775);
    }
    mkdirSync(join(path, 'lost+found'), { mode: 0o700 });
    const secret = join(path, 'tokens/..2026_11_26');
    mkdirSync(secret, { recursive: true });
    chmodSync(folder, 0o755);
    const token = { id: '0123456789ab', name: '', tenant: 'default', scopes: ['admin'], createdMs: 1 };
    writeFileSync(join(secret, '0123456789ab.json'), JSON.stringify({ ...token, sha256: '0'.repeat(64) }));
    symlinkSync('..2026_11_26', join(path, 'tokens/..data'));
    symlinkSync('..data/0123456789ab.json', join(path, 'tokens/0123456789ab.json'));
    return path;
  };

  test.each([
    ['of its group', 0],
    ['of its own', USER],
  ])('a volume %s can be used, with tokens that it may only read', async (_, owner) => {
    for (const as of [under, owner === 0 ? under : []]) {
      const { of, text } = await askDoctor({ data: volume(owner), under: as });
      expect(
        of('data-folder').map(({ state }) => state),
        text,
      ).toEqual(['well']);
      expect(of('access')[0]).toMatchObject({ state: 'well', found: '1 token' });
    }
  });

  test('what a start as root has left there cannot be used', async () => {
    const path = volume(USER);
    mkdirSync(join(path, 'search'), { mode: 0o750 });
    const own = await askDoctor({ data: path, under });
    const mend = `chown -R ${USER} ${path}`;
    expect(own.of('data-folder')).toContainEqual(
      expect.objectContaining({ state: 'wrong', found: expect.stringContaining('belongs to user 0'), mend }),
    );
    const asRoot = await askDoctor({ data: path });
    expect(asRoot.of('data-folder')).toContainEqual(expect.objectContaining({ state: 'wrong', mend }));
  });
});

test('doctor says once of each engine that its certificates are none, and asks it nothing', async () => {
  const ca = data();
  writeFileSync(ca, 'no certificate');
  const search = { engine: 'opensearch', nodes: ['https://127.0.0.1:1'], tls: { ca } };
  const queue = { engine: 'kafka', brokers: ['127.0.0.1:1'], tls: { enabled: true, ca } };
  const { status, findings } = await askDoctor({ data: data(), config: { search, queue } });
  expect(status).toBe(1);
  for (const [kind, option] of [
    ['opensearch', 'search.tls.ca'],
    ['kafka', 'queue.tls.ca'],
  ] as const) {
    const of = findings.filter(({ check }) => check.startsWith(kind));
    expect(of.filter(({ state }) => state !== 'unknown')).toMatchObject([
      { state: 'wrong', found: expect.stringContaining(`${option}: ${ca} has no certificate`) },
    ]);
    expect(of.filter(({ state }) => state === 'unknown').length).toBeGreaterThan(2);
  }
});

describe.skipIf(lacks('doctor and a bad disk', { programs: { strace: 'strace' } }))('doctor and a bad disk', () => {
  const injected = (what: string) => {
    const strace = findProgram('strace') ?? 'strace';
    return [strace, '-f', '-qq', '-o', '/dev/null', '-e', 'trace=fdatasync', '-e', `inject=fdatasync:${what}`];
  };

  test('one that takes long to sync', async () => {
    const { of, status } = await askDoctor({ data: data(), under: injected('delay_enter=60000') });
    expect(of('disk-sync')[0]).toMatchObject({ state: 'warning', mend: expect.stringContaining('SSD') });
    expect(status).toBe(0);
  });

  test('one that fails to', async () => {
    const { of, status } = await askDoctor({ data: data(), under: injected('error=EIO') });
    expect(of('disk-sync')[0]).toMatchObject({ state: 'wrong', found: expect.stringContaining('EIO') });
    expect(status).toBe(1);
  });
});
