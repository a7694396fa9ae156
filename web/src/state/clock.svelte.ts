/**
 * Time as the server has it. All countdowns run by it, so that everybody sees the same minute
 * whatever their own clock says.
 */
import type { Timestamp } from '../api/types';

const TICK_MS = 1000;

export class ServerClock {
  /** The server's time, moved on once a second. */
  now: Timestamp = $state(Date.now());
  #offset_ms = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** The server said what time it is. */
  set(now: Timestamp): void {
    this.#offset_ms = now - Date.now();
    this.tick();
  }

  /** The server's time at this instant. */
  read(): Timestamp {
    return Date.now() + this.#offset_ms;
  }

  start(): void {
    this.tick();
    const next = () => {
      this.#timer = setTimeout(() => {
        this.tick();
        next();
      }, TICK_MS - (this.read() % TICK_MS));
    };
    clearTimeout(this.#timer);
    next();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  tick(): void {
    this.now = this.read();
  }
}
