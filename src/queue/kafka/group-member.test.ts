/** A member of a group whose brokers say what real ones say only after minutes or days. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Reader, Writer } from '@platformatic/kafka';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createLog } from '../../lib/log.ts';
import { Cluster } from './cluster.ts';
import { KafkaGroupMember } from './group-member.ts';
import { MemberNote } from './member-note.ts';
import { findCoordinator, groupDescribe, groupHeartbeat } from './protocol.ts';
import { FakeBroker } from './testing/fake-broker.ts';

const NODE = 1;
const COORDINATOR_LOAD_IN_PROGRESS = 14;
const GROUP_ID_NOT_FOUND = 69;
const JOIN = 0;
const LEAVE = -1;

interface Said {
  readonly member: string;
  readonly epoch: number;
}

let broker: FakeBroker;
let cluster: Cluster;
let folder: string;
let note: MemberNote;
let member: KafkaGroupMember | undefined;
let said: Said[];
/** Kafka's number of the error, where what was said is refused. */
let refuses: (heartbeat: Said) => number;

beforeEach(async () => {
  broker = await FakeBroker.start();
  cluster = new Cluster({ brokers: [broker.address], clientId: 'test' });
  folder = await mkdtemp(join(tmpdir(), 'spillway-member-'));
  note = new MemberNote(folder, 'store', createLog('test', 'fatal'));
  said = [];
  refuses = () => 0;
  broker.answer(findCoordinator, coordinator);
  broker.answer(groupDescribe, settledGroup);
  broker.answer(groupHeartbeat, (question) => {
    const heartbeat = heartbeatOf(question);
    said.push(heartbeat);
    return heartbeatAnswer(heartbeat, refuses(heartbeat));
  });
});
afterEach(async () => {
  await member?.leave();
  member = undefined;
  await cluster.close();
  await broker.close();
  await rm(folder, { recursive: true });
});

const joined = async (): Promise<KafkaGroupMember> => {
  member = await KafkaGroupMember.join({
    ...{ group: 'store', groupId: 'store', topics: [], cluster, log: createLog('test', 'fatal'), note },
    trouble: { failed: () => {}, passed: () => {}, forget: () => {} },
    ...{ heartbeatMs: 3_600_000, sessionMs: 3_600_000, nameOf: (topic: string) => topic, mayBegin: async () => true },
    ...{ onAssigned: () => {}, onLeft: () => {} },
  });
  return member;
};

it('a member of a group that brokers have forgotten joins it anew', async () => {
  const first = await joined();
  const before = first.id;
  refuses = ({ member: id }) => (id === before ? GROUP_ID_NOT_FOUND : 0);
  await first.refresh();
  expect(first.id).not.toBe(before);
  expect(said).toContainEqual({ member: first.id, epoch: JOIN });
  expect(await note.read()).toBe(first.id);
});

it('says that the member of the process before has left until a coordinator that was just starting hears it, and joins then', async () => {
  await note.write('before');
  let left = 0;
  refuses = ({ member: id }) => (id === 'before' && ++left < 3 ? COORDINATOR_LOAD_IN_PROGRESS : 0);
  const { id } = await joined();
  const last = said.findLastIndex((heartbeat) => heartbeat.member === 'before' && heartbeat.epoch === LEAVE);
  expect(left).toBe(3);
  expect(said.findIndex((heartbeat) => heartbeat.member === id)).toBeGreaterThan(last);
  expect(await note.read()).toBe(id);
});

function heartbeatOf(question: Reader): Said {
  question.readString();
  return { member: question.readString(), epoch: question.readInt32() };
}

function heartbeatAnswer({ member: id, epoch }: Said, errorCode: number): Writer {
  return Writer.create()
    .appendInt32(0)
    .appendInt16(errorCode)
    .appendString(null)
    .appendString(id)
    .appendInt32(epoch === JOIN ? 1 : epoch)
    .appendInt32(5_000)
    .appendInt8(-1)
    .appendTaggedFields();
}

function coordinator(): Writer {
  return Writer.create()
    .appendInt32(0)
    .appendArray(['store'], (found, key) => {
      found.appendString(key).appendInt32(NODE).appendString('127.0.0.1').appendInt32(broker.port);
      found.appendInt16(0).appendString(null);
    })
    .appendTaggedFields();
}

function settledGroup(): Writer {
  return Writer.create()
    .appendInt32(0)
    .appendArray(['store'], (groups, id) => {
      groups.appendInt16(0).appendString(null).appendString(id).appendString('Stable');
      groups.appendInt32(1).appendInt32(1).appendString('uniform');
      groups.appendArray([], () => {}).appendInt32(0);
    })
    .appendTaggedFields();
}
