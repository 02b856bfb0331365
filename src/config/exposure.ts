import { BlockList, isIP } from 'node:net';
import { configError, type Problem } from './problem.ts';
import type { Config } from './schema.ts';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');
loopback.addSubnet('::ffff:127.0.0.0', 104, 'ipv6');

export function isLoopback(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return host.toLowerCase() === 'localhost';
  return loopback.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

/**
 * Refuses to listen to the network while nobody needs a token: throws CONFIG_INVALID naming the options and the
 * command that mends it. `tokens` is how many tokens exist.
 */
export function assertExposureAllowed(config: Config, tokens: number): void {
  if (tokens > 0) return;
  const hosts: [string, string][] = [
    ['http.host', config.http.host],
    ['store.host', config.store.host],
    ...config.inputs.syslog.map(({ host }, index): [string, string] => [`inputs.syslog.${index}.host`, host]),
  ];
  const problems = hosts
    .filter(([, host]) => !isLoopback(host))
    .map(
      ([option, host]): Problem => ({
        where: option,
        what:
          `${host} is open to the network, but no token exists, so anyone could read and write. ` +
          `Create one first: spillway token create --tenant default --scope admin --data ${shellWord(config.data)} ` +
          '(or listen on 127.0.0.1).',
      }),
    );
  if (problems.length > 0) throw configError(problems);
}

/** As it is typed into a shell. */
const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
