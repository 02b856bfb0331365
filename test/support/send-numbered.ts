/** Sends numbered syslog lines over TCP as fast as they are taken; each connection is a source of its own. */
import { once } from 'node:events';
import { connect } from 'node:net';

const LINES_PER_WRITE = 2_000;

export interface NumberedLines {
  readonly port: number;
  /** Number of the first connection: lines name theirs. */
  readonly firstConnection: number;
  readonly connections: number;
  readonly linesPerConnection: number;
}

/** Resolves when the receiver's kernel has all of it. */
export async function sendNumbered({ port, firstConnection, connections, linesPerConnection }: NumberedLines) {
  const numbers = Array.from({ length: connections }, (_, i) => firstConnection + i);
  await Promise.all(numbers.map((connection) => sendOne(port, connection, linesPerConnection)));
}

async function sendOne(port: number, connection: number, lines: number): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: `127.0.2.${1 + (connection % 250)}` });
  await once(socket, 'connect');
  for (let first = 0; first < lines; first += LINES_PER_WRITE) {
    const time = new Date().toISOString();
    let text = '';
    for (let line = first; line < Math.min(lines, first + LINES_PER_WRITE); line++) {
      text += `<134>1 ${time} sender-${connection} numbered - - [n@1 conn="${connection}" line="${line}"] line ${line} of connection ${connection} with some words to make it as long as usual lines are\n`;
    }
    if (!socket.write(text)) await once(socket, 'drain');
  }
  socket.end();
  await once(socket, 'close');
}
