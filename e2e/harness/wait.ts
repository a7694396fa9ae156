/** Waits until the condition holds; a throw counts as "not yet", and the last one is told. */
export async function eventually(
  what: string,
  timeout_ms: number,
  condition: () => boolean | Promise<boolean>,
  every_ms = 50,
): Promise<number> {
  const began = performance.now();
  let last: unknown;
  for (;;) {
    try {
      if (await condition()) return performance.now() - began;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() - began > timeout_ms) {
      throw new Error(`not within ${timeout_ms} ms: ${what}${last ? ` (${String(last)})` : ''}`);
    }
    await new Promise((done) => setTimeout(done, every_ms));
  }
}
