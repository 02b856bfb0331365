/** Several processes that start at the same moment change the same small topic: in memory, with what a broker does to them. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { RecordCursor } from '../../event/record-batch.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { createLog } from '../../lib/log.ts';
import { Random } from '../../lib/random.ts';
import { offset, type PartitionReader, type PartitionWriter } from '../port.ts';
import { CONTROL, ControlLog, type ControlLogOptions, type ControlState } from './control-log.ts';
import { QueueRecord } from './queue-record.ts';

const SEED = Number(process.env.SPILLWAY_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));
const AT = { topic: 'control', partition: 0 };
const outOfRange = () => new SpillwayError('QUEUE_OFFSET_OUT_OF_RANGE', 'not retained any more');
const fenced = () => new SpillwayError('QUEUE_FENCED', 'another owner has taken over');

/** A partition of Kafka: whoever opens a writer fences the one before, and records before an offset may be removed. */
class FakePartition {
  readonly batches: Buffer[] = [];
  earliest = 0;
  owner = 0;
  /** Called before each step: other processes come between there. */
  turn: () => Promise<void> = async () => {};

  open(): ControlLog<ControlState> {
    return new ControlLog({ ...CONTROL, ...this.options() });
  }

  options(): Omit<ControlLogOptions<ControlState>, 'empty' | 'parse'> {
    return {
      at: AT,
      log: createLog('test', 'fatal'),
      openReader: () => this.#reader(),
      openWriter: () => this.#writer(),
      removeBefore: async (_at, position) => {
        await this.turn();
        this.earliest = Math.max(this.earliest, position);
      },
    };
  }

  #reader(): PartitionReader {
    return {
      ...AT,
      endOffset: async () => {
        await this.turn();
        return offset(this.batches.length);
      },
      earliestOffset: async () => {
        await this.turn();
        return offset(this.earliest);
      },
      read: async (from: number) => {
        await this.turn();
        if (from < this.earliest) throw outOfRange();
        const found = this.batches.slice(from, from + 1);
        const batches = found.map((bytes) => ({ bytes, baseOffset: from, nextOffset: offset(from + 1) }));
        return { batches, nextOffset: offset(from + found.length), endOffset: offset(this.batches.length) };
      },
      close: async () => {},
    } as unknown as PartitionReader;
  }

  async #writer(): Promise<PartitionWriter> {
    await this.turn();
    const own = ++this.owner;
    return {
      append: async (bytes: Buffer) => {
        await this.turn();
        if (own !== this.owner) throw fenced();
        this.batches.push(Buffer.from(bytes));
        return { baseOffset: offset(this.batches.length - 1), nextOffset: offset(this.batches.length) };
      },
      close: async () => {},
    } as unknown as PartitionWriter;
  }
}

describe('what the queue keeps for itself', () => {
  it('is read also where somebody who changes it removes the record that is being read', async () => {
    const partition = new FakePartition();
    const [writer, reader] = [partition.open(), partition.open()];
    const rename = (name: string) =>
      writer.change((state) => {
        state.name = name;
        return true;
      });
    await rename('first');
    let step = 0;
    const steps = [3, 6];
    partition.turn = async () => {
      // In the moment between where it begins and what is there.
      if (!steps.includes(++step)) return;
      const { turn } = partition;
      partition.turn = async () => {};
      await rename(`after step ${step}`);
      partition.turn = turn;
    };
    await reader.refresh();
    expect(step).toBeGreaterThan(Math.max(...steps));
    expect(reader.state.name).toBe('after step 6');
  });

  it('is never an older one again, where one process asks for it while it changes it', async () => {
    const partition = new FakePartition();
    const [own, other] = [partition.open(), partition.open()];
    await other.change((state) => {
      state.name = 'older';
      return true;
    });
    let hold: Promise<void> | undefined;
    const reading = Promise.withResolvers<void>();
    let turns = 0;
    partition.turn = async () => {
      // The first question for the record itself is answered when everything else is over.
      if (++turns !== 3) return;
      reading.resolve();
      await hold;
    };
    const released = Promise.withResolvers<void>();
    hold = released.promise;
    const asked = own.refresh();
    await reading.promise;
    const changed = own.change((state) => {
      state.name = 'newer';
      return true;
    });
    for (let i = 0; i < 100; i++) await nextTurn();
    released.resolve();
    await Promise.all([asked, changed]);
    expect(own.state.name).toBe('newer');
    await other.refresh();
    expect(other.state.name).toBe('newer');
  });

  it('is asked for once more by all together who ask while there is no answer', async () => {
    const partition = new FakePartition();
    const control = partition.open();
    const answered = Promise.withResolvers<void>();
    let questions = 0;
    partition.turn = async () => {
      questions++;
      await answered.promise;
    };
    const first = control.refresh();
    await nextTurn();
    const others = Array.from({ length: 100 }, () => control.refresh());
    await nextTurn();
    expect(questions).toBe(1);
    answered.resolve();
    await Promise.all([first, ...others]);
    // Of each: where it ends, and where it begins.
    expect(questions).toBe(4);
  });

  it('has every change of those who change it at the same moment, once', async () => {
    const random = new Random(SEED);
    console.info(`seed ${SEED}`);
    const partition = new FakePartition();
    partition.turn = async () => {
      for (let turns = random.below(6); turns > 0; turns--) await nextTurn();
    };
    const processes = Array.from({ length: 8 }, () => partition.open());
    await Promise.all(
      processes.map((control, i) =>
        control.change(({ topics }) => {
          if (topics[`t${i}`] !== undefined) return false;
          topics[`t${i}`] = { partitions: i + 1, additions: [] };
          return true;
        }),
      ),
    );
    expect(partition.batches).toHaveLength(processes.length);
    const [first] = processes;
    await first?.refresh();
    expect(Object.keys(first?.state.topics ?? {}).sort()).toEqual(processes.map((_, i) => `t${i}`));
  });

  it('has one site, whoever start on it at the same moment, and refuses those with another one', async () => {
    const random = new Random(SEED);
    for (let round = 0; round < 20; round++) {
      const partition = new FakePartition();
      partition.turn = async () => {
        for (let turns = random.below(6); turns > 0; turns--) await nextTurn();
      };
      const sites = Array.from({ length: 6 }, (_, i) => (i % 2 === 0 ? 'old' : 'ams2'));
      const starts = await Promise.allSettled(
        sites.map(async (site) => {
          const record = new QueueRecord(partition.options());
          await record.settleSite(site, 'The topics are');
          return site;
        }),
      );
      const agreed = JSON.parse(new TextDecoder().decode(lastValue(partition))).site;
      expect(partition.batches).toHaveLength(1);
      for (const [i, start] of starts.entries()) {
        if (sites[i] === agreed) expect(start).toMatchObject({ status: 'fulfilled' });
        else expect(start).toMatchObject({ status: 'rejected', reason: { code: 'SITE_CHANGED' } });
      }
    }
  });

  it('does not get its site by whoever happens to start first, where an earlier version has begun it, but where it is new', async () => {
    const older = new QueueRecord(new FakePartition().options());
    await older.raise({ raw: 1 }, () => 'id');
    await older.settleSite('local', 'The topics are', false);
    expect(older.state.site).toBeUndefined();
    await older.settleSite('ams1', 'The topics are');
    await expect(older.settleSite('local', 'The topics are', false)).rejects.toMatchObject({ code: 'SITE_CHANGED' });
    const anew = new QueueRecord(new FakePartition().options());
    await anew.settleSite('local', 'The topics are', false);
    expect(anew.state.site).toBe('local');
  });

  it('gets its site by the next start, where an earlier version has begun it, and keeps it', async () => {
    const partition = new FakePartition();
    const earlier = partition.open();
    const name = (text: string) =>
      earlier.change((state) => {
        state.name = text;
        return true;
      });
    await name('queue');
    const [first, second] = [new QueueRecord(partition.options()), new QueueRecord(partition.options())];
    await first.settleSite('old', 'The topics spillway.* are');
    // Whoever changes something else meanwhile leaves it there.
    await name('other');
    const refused = second.settleSite('ams2', 'The topics spillway.* are');
    await expect(refused).rejects.toThrow(/spillway\.\*.*'old'.*site: ams2.*Set site: old.*queue\.prefix/);
    await new QueueRecord(partition.options()).settleSite('old', 'The topics are');
    expect(partition.batches).toHaveLength(3);
  });
});

function lastValue({ batches }: FakePartition): Buffer {
  const cursor = new RecordCursor(batches.at(-1) ?? Buffer.alloc(0));
  cursor.next();
  return cursor.value();
}
