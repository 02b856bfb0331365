/** Work that is done every so often, and never twice at the same time. */
import { messageOf } from './errors.ts';

export interface FromTimeToTime {
  readonly everyMs: number;
  readonly work: () => Promise<unknown>;
  /** Told why a time failed; the next one comes all the same. */
  readonly failed: (reason: string) => void;
}

/** Begins after the first interval, until the answer is called: that resolves when nothing is under way. */
export function fromTimeToTime(options: FromTimeToTime): () => Promise<void> {
  return begin(options).stop;
}

/** The same, and at once. */
export function nowAndFromTimeToTime(options: FromTimeToTime): () => Promise<void> {
  const { tick, stop } = begin(options);
  tick();
  return stop;
}

function begin({ everyMs, work, failed }: FromTimeToTime) {
  let running: Promise<void> | undefined;
  const tick = (): void => {
    running ??= work()
      .then(
        () => {},
        (thrown: unknown) => failed(messageOf(thrown)),
      )
      .finally(() => {
        running = undefined;
      });
  };
  const timer = setInterval(tick, everyMs);
  timer.unref();
  const stop = async (): Promise<void> => {
    clearInterval(timer);
    await running;
  };
  return { tick, stop };
}
