/** What is measured of the questions to a search engine. */
import { Gauge, Histogram, type Registry } from 'prom-client';

interface Waiting {
  readonly running: number;
  readonly waiting: number;
}

export type Measure = <T>(question: string, work: () => Promise<T>) => Promise<T>;

export function measureQuestions(registry: Registry, runner: Waiting): Measure {
  const seconds = new Histogram({
    name: 'spillway_search_question_seconds',
    help: 'Time that questions to the search engine took, their waiting included.',
    labelNames: ['question', 'outcome'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  });
  new Gauge({
    name: 'spillway_search_questions',
    help: 'Questions to the search engine that run and that wait.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      this.set({ state: 'running' }, runner.running);
      this.set({ state: 'waiting' }, runner.waiting);
    },
  });
  return async (question, work) => {
    const began = performance.now();
    let outcome = 'error';
    try {
      const answer = await work();
      outcome = 'ok';
      return answer;
    } finally {
      seconds.observe({ question, outcome }, (performance.now() - began) / 1000);
    }
  };
}
