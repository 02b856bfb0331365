/** Every address that Spillway listens on: free, or its own; else who has it. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, isIPv6 } from 'node:net';
import { systemCode } from '../../lib/disk-files.ts';
import { messageOf } from '../../lib/errors.ts';
import { always, type Check, type Installation } from '../check.ts';
import { type Finding, well, wrong } from '../finding.ts';
import { ownerOf, type Transport } from '../port-owner.ts';

interface Address {
  /** As the configuration calls it. */
  readonly option: string;
  readonly transport: Transport;
  readonly host: string;
  readonly port: number;
}

export const ports: Check = {
  about: 'ports',
  applies: always,
  async examine(installation) {
    // Port 0 is any free one.
    const addresses = addressesOf(installation).filter(({ port }) => port !== 0);
    if (addresses.length === 0) return [well('none is asked for')];
    return Promise.all(addresses.map((address) => examineOne(address, installation)));
  },
};

function addressesOf({ config, role }: Installation): readonly Address[] {
  if (role === 'processor') return [];
  if (role === 'store') return [{ option: 'store.port', transport: 'tcp', ...config.store }];
  const syslog = config.inputs.syslog.flatMap(({ host, port, tcp, udp }, index) => {
    const option = `inputs.syslog.${index}.port`;
    const transports: readonly Transport[] = [...(tcp ? (['tcp'] as const) : []), ...(udp ? (['udp'] as const) : [])];
    return transports.map((transport) => ({ option, transport, host, port }));
  });
  const { host, port } = config.http;
  return [{ option: 'http.port', transport: 'tcp', host, port }, ...syslog];
}

async function examineOne(address: Address, { holder }: Installation): Promise<Finding> {
  const { option, transport, host, port } = address;
  const name = `${isIPv6(host) ? `[${host}]` : host}:${port} (${transport.toUpperCase()})`;
  try {
    await (transport === 'tcp' ? bindTcp(host, port) : bindUdp(host, port));
    const isMissing = holder !== undefined;
    if (!isMissing) return well(`${name} is free`);
    const mend = 'Its log says why; it was perhaps started with another configuration, or is still starting.';
    return wrong(`${name} is free although Spillway runs: it does not listen there`, mend);
  } catch (thrown) {
    const code = systemCode(thrown);
    if (code === 'EADDRINUSE') return inUse(address, name, holder);
    if (code === 'EACCES') {
      const mend = `Set ${option} to a port from 1024 on, or: setcap cap_net_bind_service=+ep ${process.execPath}`;
      return wrong(`${name} may be had by root only`, mend);
    }
    if (code === 'EADDRNOTAVAIL') {
      const mend = `Set ${option.replace('port', 'host')} to an address of this machine, or to 0.0.0.0 for all of them.`;
      return wrong(`${host} is not an address of this machine`, mend);
    }
    return wrong(`${name} cannot be listened on: ${messageOf(thrown)}`, `Look at ${option} and its host.`);
  }
}

async function inUse(
  { option, transport, port }: Address,
  name: string,
  holder: Installation['holder'],
): Promise<Finding> {
  const owner = await ownerOf(transport, port);
  if (owner === undefined) {
    if (holder !== undefined) return well(`${name} is in use, by Spillway as it seems`);
    return wrong(`${name} is in use by another process`, `Run doctor as root to see by which, or change ${option}.`);
  }
  const { pid, parentPid, command } = owner;
  if (holder?.pid !== undefined && (pid === holder.pid || parentPid === holder.pid)) {
    return well(`${name} is listened on by this Spillway (process ${pid})`);
  }
  const mend = `Stop that one (kill ${pid}), or set ${option} to another port.`;
  return wrong(`${name} is in use by process ${pid}: ${command}`, mend);
}

async function bindTcp(host: string, port: number): Promise<void> {
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, 'listening');
  } finally {
    server.close();
  }
}

async function bindUdp(host: string, port: number): Promise<void> {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  try {
    socket.bind({ address: host, port, exclusive: true });
    await once(socket, 'listening');
  } finally {
    socket.close();
  }
}
