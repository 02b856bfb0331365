import { describe, expect, it } from 'vitest';
import { SpillwayError } from '../../lib/errors.ts';
import { TOPIC_LIMITS } from '../../lib/limits.ts';
import * as change from './catalogue.ts';
import { assertGroupName, assertTopicName, ownedName, ownerOf } from './owned-names.ts';

const settings = (partitions = 1): change.TopicSettings => ({
  partitions,
  retention: { maxAgeMs: 1_000, maxBytes: 1_000 },
  requiredGroups: [],
});

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof SpillwayError) return thrown.code;
    throw thrown;
  }
  return 'done';
}

describe('the catalogue', () => {
  it('creates the same again without a change, and refuses another', () => {
    const catalogue = change.emptyCatalogue();
    expect(change.addTopic(catalogue, 'shop.a', settings(), 5)).toBe(true);
    expect(change.addTopic(catalogue, 'shop.a', settings(), 6)).toBe(false);
    expect(catalogue.topics['shop.a']).toMatchObject({ createdMs: 5, partitions: 1 });
    expect(codeOf(() => change.addTopic(catalogue, 'shop.a', settings(2), 7))).toBe('TOPIC_EXISTS');
  });

  it('knows a topic that is being deleted no more, and its name is free only afterwards', () => {
    const catalogue = change.emptyCatalogue();
    change.addTopic(catalogue, 'shop.a', settings(), 0);
    change.addGroup(catalogue, 'shop.g', ['shop.a']);
    expect(change.beginDeletion(catalogue, 'shop.a')).toBe(true);
    expect(codeOf(() => change.addTopic(catalogue, 'shop.a', settings(), 0))).toBe('TOPIC_EXISTS');
    expect(codeOf(() => change.changeTopic(catalogue, 'shop.a', {}))).toBe('NOT_FOUND');
    expect(codeOf(() => change.addGroup(catalogue, 'shop.g', ['shop.a']))).toBe('NOT_FOUND');
    change.endDeletion(catalogue, 'shop.a');
    expect(catalogue.groups['shop.g']).toEqual({ topics: [] });
    expect(change.addTopic(catalogue, 'shop.a', settings(), 0)).toBe(true);
  });

  it('adds partitions, knows how many there were at first, and removes none', () => {
    const catalogue = change.emptyCatalogue();
    change.addTopic(catalogue, 'shop.a', settings(2), 0);
    expect(change.changeTopic(catalogue, 'shop.a', { partitions: 2 })).toBe(false);
    expect(catalogue.topics['shop.a']).not.toHaveProperty('firstPartitions');
    expect(change.changeTopic(catalogue, 'shop.a', { partitions: 5 })).toBe(true);
    expect(change.changeTopic(catalogue, 'shop.a', { partitions: 7 })).toBe(true);
    expect(catalogue.topics['shop.a']).toMatchObject({ partitions: 7, firstPartitions: 2 });
    expect(codeOf(() => change.changeTopic(catalogue, 'shop.a', { partitions: 6 }))).toBe('BAD_REQUEST');
    expect(change.changeTopic(catalogue, 'shop.a', { requiredGroups: ['shop.g'] })).toBe(true);
    expect(catalogue.topics['shop.a']).toMatchObject({ partitions: 7, firstPartitions: 2 });
    for (const partitions of [7, 2]) {
      const again = { ...settings(partitions), requiredGroups: ['shop.g'] };
      expect(change.addTopic(catalogue, 'shop.a', again, 1)).toBe(false);
    }
    expect(codeOf(() => change.addTopic(catalogue, 'shop.a', settings(5), 1))).toBe('TOPIC_EXISTS');
    expect(catalogue.topics['shop.a']).toMatchObject({ partitions: 7, firstPartitions: 2 });
  });

  it('forgets no group that a topic requires', () => {
    const catalogue = change.emptyCatalogue();
    change.addTopic(catalogue, 'shop.a', { ...settings(), requiredGroups: ['shop.g'] }, 0);
    change.addGroup(catalogue, 'shop.g', ['shop.a']);
    expect(codeOf(() => change.removeGroup(catalogue, 'shop.g'))).toBe('GROUP_IN_USE');
    change.changeTopic(catalogue, 'shop.a', { requiredGroups: [] });
    expect(change.removeGroup(catalogue, 'shop.g')).toBe(true);
    expect(codeOf(() => change.removeGroup(catalogue, 'shop.g'))).toBe('NOT_FOUND');
  });
});

describe('limits', () => {
  const fill = (catalogue: change.Catalogue, tenant: string, count: number, partitions = 1) => {
    for (let i = 0; i < count; i++) change.addTopic(catalogue, `${tenant}.t${i}`, settings(partitions), 0);
  };

  it("of a tenant's topics, which another tenant does not feel", () => {
    const catalogue = change.emptyCatalogue();
    fill(catalogue, 'shop', TOPIC_LIMITS.topicsPerTenant);
    expect(codeOf(() => change.addTopic(catalogue, 'shop.more', settings(), 0))).toBe('LIMIT_REACHED');
    expect(change.addTopic(catalogue, 'bank.t', settings(), 0)).toBe(true);
  });

  it('of all topics', () => {
    const catalogue = change.emptyCatalogue();
    const { topics, topicsPerTenant } = TOPIC_LIMITS;
    for (let tenant = 0; tenant < topics / topicsPerTenant; tenant++) fill(catalogue, `t${tenant}`, topicsPerTenant);
    expect(Object.keys(catalogue.topics)).toHaveLength(topics);
    expect(codeOf(() => change.addTopic(catalogue, 'last.t', settings(), 0))).toBe('LIMIT_REACHED');
  });

  it('of all partitions', () => {
    const catalogue = change.emptyCatalogue();
    const { partitions, partitionsPerTopic } = TOPIC_LIMITS;
    fill(catalogue, 'shop', partitions / partitionsPerTopic - 1, partitionsPerTopic);
    expect(codeOf(() => change.addTopic(catalogue, 'shop.more', settings(partitionsPerTopic + 1), 0))).toBe(
      'LIMIT_REACHED',
    );
    expect(change.addTopic(catalogue, 'shop.more', settings(partitionsPerTopic), 0)).toBe(true);
    expect(codeOf(() => change.addTopic(catalogue, 'shop.one', settings(), 0))).toBe('LIMIT_REACHED');
  });

  it('of added partitions too', () => {
    const { partitions, partitionsPerTopic, groupPartitions } = TOPIC_LIMITS;
    const grown = change.emptyCatalogue();
    fill(grown, 'shop', partitions / partitionsPerTopic - 1, partitionsPerTopic);
    change.addTopic(grown, 'shop.a', settings(partitionsPerTopic - 2), 0);
    change.addTopic(grown, 'shop.b', settings(1), 0);
    const grow = (name: string, count: number) => change.changeTopic(grown, name, { partitions: count });
    expect(codeOf(() => grow('shop.b', 3))).toBe('LIMIT_REACHED');
    expect(codeOf(() => grow('shop.t0', partitionsPerTopic + 1))).toBe('LIMIT_REACHED');
    expect(grow('shop.b', 2)).toBe(true);

    const read = change.emptyCatalogue();
    change.addTopic(read, 'shop.a', settings(1), 0);
    fill(read, 'shop', 8, partitionsPerTopic);
    const all = Array.from({ length: 8 }, (_, i) => `shop.t${i}`);
    const most = groupPartitions / (8 * partitionsPerTopic);
    for (let i = 0; i < most - 1; i++) change.addGroup(read, `shop.g${i}`, all);
    change.addGroup(read, 'shop.last', all.slice(1));
    change.addGroup(read, 'shop.last', ['shop.a']);
    const growRead = (count: number) => change.changeTopic(read, 'shop.a', { partitions: count });
    expect(growRead(partitionsPerTopic)).toBe(true);
    change.addTopic(read, 'shop.more', settings(1), 0);
    change.changeTopic(read, 'shop.more', { partitions: 2 });
    expect(codeOf(() => change.addGroup(read, 'shop.last', ['shop.more']))).toBe('LIMIT_REACHED');
  });

  it("of a tenant's groups, of all groups, and of what they read", () => {
    const catalogue = change.emptyCatalogue();
    const { groups, groupsPerTenant, groupPartitions, partitionsPerTopic } = TOPIC_LIMITS;
    for (let i = 0; i < groupsPerTenant; i++) change.addGroup(catalogue, `shop.g${i}`, []);
    expect(codeOf(() => change.addGroup(catalogue, 'shop.more', []))).toBe('LIMIT_REACHED');
    expect(change.addGroup(catalogue, 'shop.g0', [])).toBe(false);
    for (let i = groupsPerTenant; i < groups; i++) change.addGroup(catalogue, `t${i}.g`, []);
    expect(codeOf(() => change.addGroup(catalogue, 'last.g', []))).toBe('LIMIT_REACHED');

    const reading = change.emptyCatalogue();
    fill(reading, 'shop', 8, partitionsPerTopic);
    const all = Array.from({ length: 8 }, (_, i) => `shop.t${i}`);
    const most = groupPartitions / (8 * partitionsPerTopic);
    for (let i = 0; i < most; i++) expect(change.addGroup(reading, `shop.g${i}`, all)).toBe(true);
    expect(codeOf(() => change.addGroup(reading, 'shop.more', ['shop.t0']))).toBe('LIMIT_REACHED');
    expect(reading.groups['shop.more']).toBeUndefined();
  });
});

describe('names', () => {
  it('of two tenants never meet, and none is one of the roles', () => {
    expect(ownerOf(ownedName({ tenant: 'a-b', name: 'c' }))).toEqual({ tenant: 'a-b', name: 'c' });
    expect(ownerOf('raw')).toBeUndefined();
    const longest = 'x'.repeat(64);
    for (const name of ['orders', '0', 'a_b-c', longest]) expect(codeOf(() => assertTopicName(name))).toBe('done');
    for (const name of [
      '',
      'A',
      'a.b',
      '-a',
      '_a',
      'ü',
      'a/b',
      '..',
      `${longest}x`,
      'raw',
      'events',
      'control',
      'partitions',
    ])
      expect(
        codeOf(() => assertTopicName(name)),
        name,
      ).toBe('BAD_REQUEST');
    for (const name of ['a.b', 'processor', 'store'])
      expect(
        codeOf(() => assertGroupName(name)),
        name,
      ).toBe('BAD_REQUEST');
  });
});
