/** Writes docs/errors.md from the registry of errors: node tools/node24.mjs tools/write-error-docs.ts */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ERROR_KINDS, type ErrorCode } from '../src/lib/errors.ts';

export const ERROR_DOCS = join(import.meta.dirname, '../docs/errors.md');

/** What to do about each. A code without an entry does not compile. */
const WHAT_TO_DO: Record<ErrorCode, string> = {
  CONFIG_INVALID: 'Mend the options that the message names; `spillway config check` tries them without a start.',
  DATA_FOLDER_IN_USE: 'Stop the process that the message names, or use another folder (`--data`).',
  FOLDER_UNUSABLE:
    'Name another folder (`--data`, option `data`): this one is a file, lies where nothing can be made, or belongs to another user.',
  LISTEN_FAILED: 'Another program has the port, or the address is not of this machine: change the option named.',
  BAD_REQUEST: '`parameter` names what is wrong, where it is a parameter; `limit` the bound that was passed.',
  UNKNOWN_PARAMETER: 'Nothing is ignored silently. `suggestion` has what was probably meant.',
  QUERY_SYNTAX: 'The query is wrong between the characters `position` and `end`; `expected` says what may stand there.',
  QUERY_UNSUPPORTED: 'The message says what to write instead; `position` and `end` say where.',
  QUERY_TOO_LARGE: 'Shorten the query, or ask several.',
  CURSOR_INVALID: 'Give `next` of the page before with the same `q`, `from`, `to` and `order`, or begin again.',
  UNAUTHORIZED: 'Send a token: `Authorization: Bearer TOKEN`. `spillway token create` makes one.',
  FORBIDDEN:
    'Use a token with the scope named in `scope`. Where the message speaks of Host or Origin, a browser asked under a name or from a page that is not ours: see the option `http.names`.',
  NOT_FOUND: 'Check the address; an event may have gone with its retention.',
  REQUEST_TIMEOUT: 'Send the body faster, or in smaller parts.',
  BODY_TOO_LARGE: 'Send less at once.',
  UNSUPPORTED_MEDIA_TYPE: 'Send one of the types or encodings that the message lists.',
  IDEMPOTENCY_MISMATCH: 'Use a new key for a new body.',
  TOO_MANY_REQUESTS: 'Try again after `Retry-After` seconds, with fewer requests at once.',
  HEADERS_TOO_LARGE: 'Send a long query by `POST /api/search`.',
  INTERNAL: "Look for the id in `instance` in Spillway's log.",
  UNAVAILABLE: 'Try again after `Retry-After` seconds. What was accepted is safe.',
  QUERY_TIMEOUT: 'Ask for a shorter range or a narrower query.',
  QUERY_MEMORY: 'Ask for a shorter range, fewer groups or a smaller page.',
  QUERY_CANCELLED: 'Whoever asked went away, or the server stopped.',
  QUEUE_PARTITION_STOPPED: 'The disk failed to sync. Mend the disk and start again; nothing unsynced was acknowledged.',
  QUEUE_CORRUPT:
    'The disk changed what was written. The rest stays readable; `spillway segment check` shows what is lost.',
  QUEUE_OFFSET_OUT_OF_RANGE: 'Retention has removed it. `earliest` is the first offset that is there.',
  QUEUE_FENCED: 'A newer process has taken over; this one has to stop.',
  QUEUE_UNREACHABLE:
    'Look whether the brokers named in the message run and can be reached. Nothing that was acknowledged is lost; it goes on by itself.',
  QUEUE_REFUSED: 'Look at `queue.sasl` and `queue.tls`, and at the rights that docs/engines/kafka.md lists.',
  QUEUE_TOPIC_INVALID: 'Change the topic as the message says, or the option that it names.',
  QUEUE_CHANGED:
    'Start the new queue with a data folder and a `site` of its own, beside the old one; `spillway drain` empties an embedded one: see docs/scaling.md. Where topics of Kafka are gone: see docs/engines/kafka.md.',
  SITE_CHANGED:
    'Set `site` to the one that the message names. Another site needs a queue (on Kafka another `queue.prefix`) and a data folder of its own.',
  DISK_FULL: 'Free some space. Senders are pushed back until then and nothing is dropped.',
  DISK_ALMOST_FULL:
    'Free some space or enlarge the disk; inputs go on by themselves. `usedPercent` and `freeBytes` say how full it is, `queue.highWater` and `queue.minFree` from where on inputs pause.',
  TOPIC_EXISTS:
    'A topic of that name has other settings: choose another name, or change that one (`PATCH`): its retention, its required groups, more partitions.',
  LIMIT_REACHED: 'Delete topics or groups that nobody needs; `limit` says how many there may be.',
  GROUP_IN_USE:
    'A group that has members cannot be reset or deleted, and one that a topic requires cannot be deleted: let its members leave, or change the topic.',
  MEMBER_UNKNOWN:
    'It was silent for longer than its session, or its collector has started again: join again. Reading goes on at what was committed.',
  RECORD_INVALID:
    '`record` is its number in the request, from 0. Nothing of the request was taken: mend it and send all of it.',
  MESSAGE_TOO_LARGE: 'The beginning is kept as a dead letter. Send shorter messages.',
  FRAME_INVALID: 'What was received is kept as a dead letter. Check the framing of the sender.',
  JSON_INVALID: 'The line is kept as a dead letter. Send `text/plain` where lines are not JSON.',
  EVENT_REFUSED: 'The event is kept as a dead letter, with the reason.',
  STAGE_FAILED: 'The record is kept as a dead letter. Look at the stage that the reason names.',
};

export function errorDocs(): string {
  const codes = Object.keys(ERROR_KINDS).filter((code): code is ErrorCode => code in WHAT_TO_DO);
  const rows = codes.map((code) => {
    const { status, title, retry } = ERROR_KINDS[code];
    return `| \`${code}\` | ${status} | ${retry ? 'yes' : 'no'} | ${title} | ${WHAT_TO_DO[code]} |`;
  });
  return `# Errors

<!-- Written by tools/write-error-docs.ts from src/lib/errors.ts. -->

Every error has a stable code: in answers over HTTP, in dead letters, on the command line and in the log. Over HTTP it is
a problem document ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)) of the type \`application/problem+json\`:

\`\`\`json
{
  "type": "urn:spillway:error:QUERY_SYNTAX",
  "title": "The query cannot be parsed.",
  "status": 400,
  "detail": "The query ends too early at position 8; expected a word, a \\"phrase\\", field:value or (.",
  "code": "QUERY_SYNTAX",
  "instance": "urn:spillway:request:5f0c7a3e-1f0b-4d4e-9a53-0c6f3c1a8f11",
  "position": 8,
  "end": 8,
  "expected": "a word, a \\"phrase\\", field:value or ("
}
\`\`\`

Program against \`code\`; \`detail\` is for people and may change. \`instance\` is the id of the request in the server's log.
Further members are facts about the error. "Again" says whether the same call may succeed later without a change; a
\`Retry-After\` header says when, where that is known.

| Code | Status | Again | What it means | What to do |
|---|---|---|---|---|
${rows.join('\n')}
`;
}

if (import.meta.main) writeFileSync(ERROR_DOCS, errorDocs());
