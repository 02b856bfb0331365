/** Waits for the work until the signal fires: undefined then, and what the work comes to is nobody's any more. */
export async function orAborted<T>(work: Promise<T> | undefined, signal: AbortSignal): Promise<T | undefined> {
  const aborted = Promise.withResolvers<undefined>();
  const end = () => aborted.resolve(undefined);
  if (signal.aborted) end();
  signal.addEventListener('abort', end, { once: true });
  try {
    // The signal first: work that is done as well counts no more.
    return await Promise.race([aborted.promise, work]);
  } finally {
    signal.removeEventListener('abort', end);
  }
}
