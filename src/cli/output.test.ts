import { Writable } from 'node:stream';
import { afterEach, expect, test, vi } from 'vitest';
import { Output } from './output.ts';

afterEach(() => vi.restoreAllMocks());

/** Whose reader has gone. */
function broken(): { readonly output: Output; readonly exit: ReturnType<typeof vi.spyOn> } {
  const exit = vi.spyOn(process, 'exit').mockReturnValue(undefined as never);
  const stream = new Writable({ write: (_, __, done) => done(Object.assign(new Error('gone'), { code: 'EPIPE' })) });
  return { output: new Output(stream as NodeJS.WriteStream, new Writable() as NodeJS.WriteStream), exit };
}

test('a reader that goes away ends a program that prints', async () => {
  const { output, exit } = broken();
  output.line('one');
  await vi.waitFor(() => expect(exit).toHaveBeenCalledWith(0));
});

test('and does not end a server, which prints on where nobody reads', async () => {
  const { output, exit } = broken();
  output.goOnUnread();
  output.line('one');
  await new Promise((resolve) => setImmediate(resolve));
  output.line('two');
  await new Promise((resolve) => setImmediate(resolve));
  expect(exit).not.toHaveBeenCalled();
});
