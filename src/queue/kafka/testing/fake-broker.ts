/**
 * A broker that answers what a test has it answer: for what a real one does only now and then, or after days. It says of
 * topics that it leads them; whatever nobody has given an answer for is not answered.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Reader, Writer } from '@platformatic/kafka';
import { metadata } from '../protocol.ts';

/** What follows the header of the answer; undefined for none. */
export type Answering = (question: Reader) => Writer | undefined;

export interface FakeTopic {
  readonly id: string;
  readonly partitions: number;
}

const NODE = 1;
/** Bytes before the client's name. */
const FIXED_HEADER_BYTES = 12;

export class FakeBroker {
  clusterId = 'right';
  readonly topics = new Map<string, FakeTopic>();
  /** How often each was asked, by Kafka's number of the request. */
  readonly asked = new Map<number, number>();
  readonly #answers = new Map<number, Answering>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((socket) => this.#serve(socket));
    this.answer(metadata, () => this.#metadata());
  }

  static async start(): Promise<FakeBroker> {
    const broker = new FakeBroker();
    broker.#server.listen(0, '127.0.0.1');
    await once(broker.#server, 'listening');
    return broker;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  answer({ key }: { readonly key: number }, answering: Answering): void {
    this.#answers.set(key, answering);
  }

  timesAsked({ key }: { readonly key: number }): number {
    return this.asked.get(key) ?? 0;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => this.#sockets.delete(socket));
    let read: Buffer = Buffer.alloc(0);
    socket.on('data', (bytes) => {
      read = Buffer.concat([read, bytes]);
      while (read.length >= 4 && read.length >= 4 + read.readInt32BE(0)) {
        const end = 4 + read.readInt32BE(0);
        const answer = this.#answer(read.subarray(0, end));
        if (answer !== undefined) socket.write(answer);
        read = read.subarray(end);
      }
    });
  }

  #answer(request: Buffer): Buffer | undefined {
    const key = request.readInt16BE(4);
    this.asked.set(key, (this.asked.get(key) ?? 0) + 1);
    const question = Reader.from(request);
    question.skip(FIXED_HEADER_BYTES);
    question.readNullableString(false);
    question.readTaggedFields();
    const answer = this.#answers.get(key)?.(question);
    if (answer === undefined) return undefined;
    return Writer.create().appendInt32(request.readInt32BE(8)).appendTaggedFields().appendFrom(answer).prependLength()
      .buffer;
  }

  #metadata(): Writer {
    return Writer.create()
      .appendInt32(0)
      .appendArray([NODE], (brokers, id) => {
        brokers.appendInt32(id).appendString('127.0.0.1').appendInt32(this.port).appendString(null);
      })
      .appendString(this.clusterId)
      .appendInt32(NODE)
      .appendArray([...this.topics], (topics, [name, { id, partitions }]) => {
        topics
          .appendInt16(0)
          .appendString(name)
          .appendUUID(id)
          .appendBoolean(false)
          .appendArray([...Array(partitions).keys()], (each, partition) => {
            each.appendInt16(0).appendInt32(partition).appendInt32(NODE).appendInt32(0);
            for (const nodes of [[NODE], [NODE], []]) {
              each.appendArray(nodes, (list, node) => void list.appendInt32(node), true, false);
            }
          })
          .appendInt32(0);
      })
      .appendTaggedFields();
  }
}
