/** Server-sent events (HTML Living Standard, 9.2), as far as GET /api/tail uses them. */
export interface ServerSentEvent {
  readonly event: string;
  readonly data: string;
}

/** Lines longer than this end the stream: a tail sends one event a line. */
const LINE_CHARS = 16 * 1024 * 1024;

export async function* serverSentEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder();
  let pending = '';
  let event = 'message';
  let data: string[] = [];
  for await (const chunk of body) {
    pending += decoder.decode(chunk, { stream: true });
    const lines = pending.split(/\r\n|\n|\r(?!$)/);
    pending = lines.pop() ?? '';
    if (pending.length > LINE_CHARS) throw new Error('a line of the event stream has no end');
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield { event, data: data.join('\n') };
        event = 'message';
        data = [];
      } else if (line.startsWith('event:')) event = line.slice('event:'.length).trimStart();
      else if (line.startsWith('data:')) data.push(line.slice('data:'.length).replace(/^ /, ''));
    }
  }
}
