import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { kernelUdpDrops } from './udp-drops.ts';

const TABLE = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  217: 0100007F:158A 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1010 2 0000000000000000 42
  218: 00000000:158A 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1011 2 0000000000000000 8
  219: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1012 2 0000000000000000 7
`;

it('adds up the drops of the sockets on a port, and is 0 where there is no table', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'spillway-udp-'));
  const table = join(folder, 'udp');
  await writeFile(table, TABLE);
  expect(await kernelUdpDrops(5_514, [table])).toBe(50);
  expect(await kernelUdpDrops(53, [table, join(folder, 'missing')])).toBe(7);
  expect(await kernelUdpDrops(54, [table])).toBe(0);
  await rm(folder, { recursive: true });
});
