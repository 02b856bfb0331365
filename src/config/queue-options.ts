/** What a schema cannot say of the queue's options: which of them belong together. */
import { plural } from '../lib/plural.ts';
import type { Problem } from './problem.ts';
import type { Config } from './schema.ts';

type Written = ReadonlyMap<string, { readonly where: string }>;

export function queueProblems({ queue }: Config, written: Written): Problem[] {
  const problems: Problem[] = [];
  const where = (option: string) =>
    (written.get(`queue.${option}`) ?? written.get(`queue.${option}.0`))?.where ?? 'default';
  const add = (option: string, what: string) => problems.push({ where: where(option), what });
  if (queue.engine !== 'kafka') {
    const stray = [
      queue.brokers.length > 0 ? 'brokers' : '',
      queue.tls.enabled ? 'tls.enabled' : '',
      queue.sasl.username === undefined ? '' : 'sasl.username',
    ].find((option) => option !== '');
    if (stray !== undefined)
      add(stray, `queue.${stray} is of the engine kafka. Write queue.engine: kafka, or leave it out.`);
    return problems;
  }
  if (queue.brokers.length === 0) add('engine', 'queue.engine is kafka, which needs queue.brokers: ["HOST:9092", …].');
  if (queue.minInsyncReplicas > queue.replication) {
    add(
      'minInsyncReplicas',
      `queue.minInsyncReplicas is ${queue.minInsyncReplicas}, but ${queue.replication === 1 ? 'there is' : 'there are'} only ${plural(queue.replication, 'replica')} ` +
        '(queue.replication): nothing could ever be acknowledged.',
    );
  }
  const { username, password } = queue.sasl;
  if ((username === undefined) !== (password === undefined)) {
    add('sasl.username', 'queue.sasl needs both username and password.');
  }
  if ((queue.tls.cert === undefined) !== (queue.tls.key === undefined)) {
    add('tls.cert', 'queue.tls needs both cert and key, or neither.');
  }
  return problems;
}
