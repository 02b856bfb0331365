/** Static types of all answers, for the console and other clients. */
export type { HealthAnswer, LedgerReport, StatusAnswer } from './account.ts';
export type { FieldsAnswer, HistogramAnswer, StatsAnswer, ValuesAnswer } from './aggregate.ts';
export type { ContextAnswer, TailDropped } from './context.ts';
export type { AnsweredEvent } from './event.ts';
export type { LogsAnswer } from './ingest.ts';
export type { Problem } from './problem.ts';
export type {
  AddPartitionsAnswer,
  GroupAnswer,
  GroupsAnswer,
  QueueRecord,
  RecordsAnswer,
  TopicAnswer,
  TopicsAnswer,
} from './queue.ts';
export type { CountAnswer, SearchAnswer, SearchParameters } from './search.ts';
export type { SlicesAnswer } from './slices.ts';
export type { Consumed, MemberAnswer, OffsetsAnswer, Produced } from './topics.ts';
