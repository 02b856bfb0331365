/**
 * syslog over UDP (RFC 5426): one datagram, one record. UDP cannot push back, so what is dropped is counted: by the
 * kernel where its buffer is full, by us where the partition of the sender is blocked or the disk above its high-water
 * mark.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { messageOf, SpillwayError } from '../../../lib/errors.ts';
import type { InputContext } from '../../outlets.ts';
import type { Listening, ListeningInput } from '../input.ts';
import { type SyslogSender, syslogSender } from './sender.ts';
import type { SyslogListenerOptions } from './tcp.ts';
import { endOfMessage } from './text.ts';
import { kernelUdpDrops } from './udp-drops.ts';

const INPUT = 'syslog-udp';

export class SyslogUdpInput implements ListeningInput {
  readonly #context: InputContext;
  readonly #options: SyslogListenerOptions;
  readonly #socket: Socket;
  readonly #senders = new Map<string, SyslogSender>();
  readonly #receivedBytes: { inc(bytes: number): void };
  #lastDatagramMs = 0;
  #kernelDrops = 0;
  #port = 0;
  /** Datagrams dropped for the disk since it is above its high-water mark. */
  #droppedForDisk = 0;

  constructor(context: InputContext, options: SyslogListenerOptions) {
    this.#context = context;
    this.#options = options;
    this.#receivedBytes = context.metrics.receivedBytes.labels(INPUT);
    this.#socket = createSocket({ type: isIPv6(options.host) ? 'udp6' : 'udp4' });
  }

  async listen(): Promise<Listening> {
    const { host, port } = this.#options;
    this.#socket.on('message', (datagram, remote) => this.#take(datagram, remote));
    this.#socket.bind({ address: host, port });
    try {
      await once(this.#socket, 'listening');
    } catch (cause) {
      throw new SpillwayError('LISTEN_FAILED', `syslog cannot listen on UDP ${host}:${port}: ${messageOf(cause)}`, {
        cause,
      });
    }
    this.#socket.on('error', (error) => this.#context.log.error({ error: messageOf(error) }, 'syslog over UDP'));
    const bound = this.#socket.address();
    this.#port = bound.port;
    this.#socket.setRecvBufferSize(this.#context.limits.udpReceiveBufferBytes);
    const { metrics } = this.#context;
    metrics.udpReceiveBufferBytes.labels(String(this.#port)).set(this.#socket.getRecvBufferSize());
    metrics.onCollect(() => this.#countKernelDrops());
    return { what: 'syslog UDP', address: bound.address, port: bound.port };
  }

  /** Reads on until the kernel's buffer gives nothing for a moment. */
  async close(): Promise<void> {
    const { drainMs, drainQuietMs } = this.#context.limits;
    const deadlineMs = performance.now() + drainMs;
    await new Promise<void>((resolve) => {
      const look = (): void => {
        const nowMs = performance.now();
        if (nowMs - this.#lastDatagramMs >= drainQuietMs || nowMs >= deadlineMs) resolve();
        else setTimeout(look, drainQuietMs);
      };
      setImmediate(look);
    });
    await this.#countKernelDrops();
    await new Promise<void>((resolve) => this.#socket.close(resolve));
  }

  #take(datagram: Buffer, remote: RemoteInfo): void {
    this.#lastDatagramMs = performance.now();
    this.#receivedBytes.inc(datagram.length);
    const end = endOfMessage(datagram, 0, datagram.length);
    if (end === 0) return;
    if (this.#context.highWater.blocked) {
      this.#dropForDisk();
      return;
    }
    const sender = this.#senderOf(remote);
    const lane = sender.route.outlet.sockets;
    if (lane.blocked) {
      this.#context.metrics.udpDropped.labels('saturation').inc();
      return;
    }
    lane.begin(sender.meta, this.#context.clock.now());
    lane.append(datagram, 0, end, sender.headers);
    lane.flush();
  }

  #dropForDisk(): void {
    const { highWater, metrics, log } = this.#context;
    metrics.udpDropped.labels('high-water').inc();
    this.#droppedForDisk++;
    if (this.#droppedForDisk > 1) return;
    const port = this.#port;
    log.error({ port }, 'datagrams are dropped while the disk is above its high-water mark: UDP cannot be paused');
    highWater.whenReady(() => {
      log.error({ port, datagrams: this.#droppedForDisk }, 'datagrams were dropped for the high-water mark');
      this.#droppedForDisk = 0;
    });
  }

  #senderOf(remote: RemoteInfo): SyslogSender {
    const key = `${remote.address} ${remote.port}`;
    const known = this.#senders.get(key);
    if (known !== undefined) return known;
    // Forgetting all of them costs one encoding each; keeping an order would cost every datagram.
    if (this.#senders.size >= this.#context.limits.udpSenders) this.#senders.clear();
    const sender = syslogSender(this.#context, INPUT, this.#options.tenant, remote.address, remote.port);
    this.#senders.set(key, sender);
    return sender;
  }

  async #countKernelDrops(): Promise<void> {
    const drops = await kernelUdpDrops(this.#port);
    if (drops > this.#kernelDrops) this.#context.metrics.udpDropped.labels('kernel').inc(drops - this.#kernelDrops);
    this.#kernelDrops = drops;
  }
}
