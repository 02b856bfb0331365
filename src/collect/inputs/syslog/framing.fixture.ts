/** For tests: what a framer finds in chunks, as text. */
import { type FrameHandler, SyslogFramer } from './framing.ts';
import { UnfinishedBudget } from './unfinished.ts';

export interface Found {
  readonly messages: string[];
  readonly garbage: string[];
  readonly oversized: string[];
}

/** Bytes as Latin-1, so that every byte is one character. */
export function frame(chunks: readonly Buffer[], budget = new UnfinishedBudget()): Found {
  const found: Found = { messages: [], garbage: [], oversized: [] };
  let oversized: string | undefined;
  const handler: FrameHandler = {
    message: (bytes, start, end) => void found.messages.push(bytes.toString('latin1', start, end)),
    garbage: (bytes, start, end) => void found.garbage.push(bytes.toString('latin1', start, end)),
    oversized: (bytes, start, end) => {
      oversized = (oversized ?? '') + bytes.toString('latin1', start, end);
    },
    oversizedEnd: () => {
      found.oversized.push(oversized ?? '');
      oversized = undefined;
    },
  };
  const framer = new SyslogFramer(handler, budget);
  for (const chunk of chunks) framer.push(chunk);
  framer.finish();
  if (oversized !== undefined) throw new Error('an oversized message was not ended');
  return found;
}

export const frameText = (...texts: readonly string[]): Found =>
  frame(texts.map((text) => Buffer.from(text, 'latin1')));
