/** Kafka with TLS and a SCRAM login: certificates that are not trusted, passwords that are wrong or become so. */
import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { alterUserScramCredentialsV0 } from '@platformatic/kafka';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BrokerLink } from '../../src/queue/kafka/broker-link.ts';
import { type KafkaOptions, parseAddress } from '../../src/queue/kafka/options.ts';
import type { KafkaQueue } from '../../src/queue/kafka/queue.ts';
import type { KafkaQueueOptions } from '../../src/queue/kafka/queue-options.ts';
import { readAll, TestMember, values } from '../../src/queue/test-records.ts';
import { down, up } from '../../tools/engines/lifecycle.ts';
import { makeCertificate } from '../support/certificate.ts';
import { FaultyWire } from '../support/faulty-wire.ts';
import { kafkaOptions, lacksKafka, openKafka, openSpooling, startKafka } from '../support/kafka.ts';

const LONG_MS = 180_000;
const PATIENCE = { timeout: 60_000 };
const raw = { topic: 'raw', partition: 0 };
const mechanism = 'SCRAM-SHA-512' as const;
/** With the numbers that Kafka's protocol gives them. */
const MECHANISMS = {
  'SCRAM-SHA-256': { number: 1, hash: 'sha256', bytes: 32 },
  'SCRAM-SHA-512': { number: 2, hash: 'sha512', bytes: 64 },
} as const;

describe.skipIf(lacksKafka('Kafka with a login', { own: true }))('a queue on Kafka with a login', () => {
  let kafka: Awaited<ReturnType<typeof startKafka>>;
  let wire: FaultyWire;
  let directory: string;
  let secured: Pick<KafkaOptions, 'tls' | 'login'>;
  const queues: KafkaQueue[] = [];

  beforeAll(async () => {
    wire = await FaultyWire.start();
    directory = await mkdtemp(join(tmpdir(), 'spillway-login-'));
    kafka = await startKafka({ own: true });
    wire.target = parseAddress(kafka.brokers[0] ?? '')?.port ?? 0;
    for (const user of ['spillway', 'operator']) await setPassword(kafka.brokers[0], user, 'right');
    await setPassword(kafka.brokers[0], 'shorter', 'right', {}, 'SCRAM-SHA-256');
    await down('kafka', { data: kafka.data });
    const { key, cert } = await makeCertificate();
    const client = await makeCertificate();
    const [pem, trusted] = [join(kafka.data, 'broker.pem'), join(kafka.data, 'trusted.pem')];
    await writeFile(pem, key + cert);
    await writeFile(trusted, cert + client.cert);
    const login = 'org.apache.kafka.common.security.scram.ScramLoginModule required';
    await up('kafka', {
      data: kafka.data,
      settings: {
        'advertised.listeners': `PLAINTEXT://${wire.address}`,
        'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:SASL_SSL',
        'sasl.enabled.mechanisms': Object.keys(MECHANISMS).join(','),
        'sasl.mechanism.inter.broker.protocol': mechanism,
        'listener.name.plaintext.scram-sha-512.sasl.jaas.config': `${login} username="operator" password="right";`,
        'listener.name.plaintext.scram-sha-256.sasl.jaas.config': `${login};`,
        // Of a listener with a login Kafka looks at this by its name alone (KIP-684).
        'listener.name.plaintext.ssl.client.auth': 'required',
        'ssl.keystore.type': 'PEM',
        'ssl.keystore.location': pem,
        'ssl.truststore.type': 'PEM',
        'ssl.truststore.location': trusted,
      },
    });
    secured = { tls: { ca: cert, ...client }, login: { mechanism, username: 'spillway', password: 'right' } };
  }, LONG_MS);
  afterEach(async () => {
    await Promise.all(queues.splice(0).map((queue) => queue.close()));
  }, LONG_MS);
  afterAll(async () => {
    await kafka?.stop();
    await wire?.close();
    await rm(directory, { recursive: true, force: true });
  }, LONG_MS);

  const open = async (options: Partial<KafkaQueueOptions> = {}) => {
    const topics = { raw: { partitions: 2, compression: 'none', writers: 'many' } } as const;
    const queue = await openKafka(kafkaOptions([wire.address], { topics, ...secured, ...options }));
    queues.push(queue);
    return queue;
  };
  const operator = () => ({ ...secured, login: { mechanism, username: 'operator', password: 'right' } });

  it('appends and reads by TLS', async () => {
    const queue = await open();
    await (await queue.openWriter(raw)).append(values('secret'));
    expect(await readAll(queue.openReader(raw), 0)).toEqual([{ offset: 0, value: 'secret' }]);
  });

  it('logs in by the shorter of the two SCRAM mechanisms too', async () => {
    const queue = await open({ login: { mechanism: 'SCRAM-SHA-256', username: 'shorter', password: 'right' } });
    await expect(queue.openReader(raw).endOffset()).resolves.toBeGreaterThanOrEqual(0);
    await expect(open({ login: { mechanism, username: 'shorter', password: 'right' } })).rejects.toMatchObject({
      code: 'QUEUE_REFUSED',
    });
  });

  it('is refused without a certificate that the brokers trust, where they want one', async () => {
    for (const shown of [{}, await makeCertificate()]) {
      await expect(open({ tls: { ca: secured.tls?.ca, ...shown } })).rejects.toMatchObject({ code: 'QUEUE_REFUSED' });
    }
  });

  it('says what to look at where the password is wrong or the certificate is not one for that name from somebody who is trusted', async () => {
    await expect(open({ login: { mechanism, username: 'spillway', password: 'wrong' } })).rejects.toMatchObject({
      code: 'QUEUE_REFUSED',
      message: expect.stringContaining('queue.sasl'),
    });
    await expect(open({ tls: { ...secured.tls, ca: undefined } })).rejects.toMatchObject({
      code: 'QUEUE_REFUSED',
      message: expect.stringContaining('queue.tls.ca'),
    });
    await expect(open({ brokers: [`localhost:${wire.port}`] })).rejects.toMatchObject({
      code: 'QUEUE_REFUSED',
      message: expect.stringMatching(/ALTNAME.*names in it/),
    });
  });

  it(
    'goes on after its password was changed and changed back: what was accepted meanwhile is there, in order and once',
    async () => {
      const queue = await open();
      const spooling = await openSpooling(queue, join(directory, 'spool'));
      const writer = await spooling.openWriter(raw);
      const reader = queue.openReader(raw);
      const member = await TestMember.join(queue, 'store');
      await writer.append(values('0'));
      await setPassword(wire.address, 'spillway', 'another', operator());
      // Connections that are there already stay.
      await writer.append(values('1'));
      wire.cut();
      for (const text of ['2', '3', '4']) await writer.append(values(text));
      expect(spooling.spooling).toBe(1);
      await expect(reader.endOffset()).rejects.toMatchObject({ code: 'QUEUE_REFUSED' });
      await expect(member.commit(raw, 1)).rejects.toMatchObject({ code: 'QUEUE_REFUSED' });
      await setPassword(wire.address, 'spillway', 'right', operator());
      await expect.poll(() => spooling.spooling, PATIENCE).toBe(0);
      await writer.append(values('5'));
      expect((await readAll(reader, 0)).map(({ value }) => value)).toEqual(['0', '1', '2', '3', '4', '5']);
      await member.commit(raw, 6);
      await writer.close();
      await spooling.close();
    },
    LONG_MS,
  );
});

async function setPassword(
  broker: string | undefined,
  name: string,
  password: string,
  secured: Pick<KafkaOptions, 'tls' | 'login'> = {},
  by: keyof typeof MECHANISMS = mechanism,
): Promise<void> {
  const address = parseAddress(broker ?? '');
  if (address === undefined) throw new Error(`${broker} is no address`);
  const link = await BrokerLink.open(address, { brokers: [], clientId: 'operator', ...secured });
  const salt = randomBytes(24);
  const iterations = 4_096;
  const { number, hash, bytes } = MECHANISMS[by];
  const saltedPassword = pbkdf2Sync(password, salt, iterations, bytes, hash);
  await link.ask(alterUserScramCredentialsV0.api, [], [{ name, mechanism: number, iterations, salt, saltedPassword }]);
  link.close();
}
