/** How a body is to be read, by its Content-Type. */
import { SpillwayError } from '../../../lib/errors.ts';
import type { BodyFormat } from './split.ts';

const NDJSON = /^application\/(x-)?(ndjson|jsonlines|json-?lines|jsonl|json-seq|stream\+json)$/;
const JSON_TYPE = /^(application\/([\w.-]+\+)?json|text\/json)$/;
const FORM = 'application/x-www-form-urlencoded';

/** Text without a type or as a form: `curl -d` says the latter of anything. Throws UNSUPPORTED_MEDIA_TYPE. */
export function formatOf(contentType: string | undefined): BodyFormat {
  const type = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (NDJSON.test(type)) return 'ndjson';
  if (JSON_TYPE.test(type)) return 'json';
  if (type === '' || type === FORM || type.startsWith('text/')) return 'text';
  throw new SpillwayError(
    'UNSUPPORTED_MEDIA_TYPE',
    'This Content-Type is not known here; send application/json, application/x-ndjson or text/plain.',
  );
}
