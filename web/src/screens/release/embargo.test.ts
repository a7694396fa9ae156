import { describe, expect, it } from 'vitest';
import { momentOf, wallClock } from './embargo';

describe('a moment in the event’s city', () => {
  it('is the one that its clocks show', () => {
    const at = Date.UTC(2021, 1, 9, 12, 30);
    expect(wallClock(at, 'Asia/Karachi')).toBe('2021-02-09T17:30');
    expect(momentOf('2021-02-09T17:30', 'Asia/Karachi')).toBe(at);
  });

  it('holds around a change of the clock', () => {
    expect(momentOf('2021-03-28T01:59', 'Europe/Vienna')).toBe(Date.UTC(2021, 2, 28, 0, 59));
    expect(momentOf('2021-03-28T02:30', 'Europe/Vienna')).toBeNull();
    expect(momentOf('2021-03-28T03:00', 'Europe/Vienna')).toBe(Date.UTC(2021, 2, 28, 1, 0));
    expect(momentOf('2020-10-25T02:30', 'Europe/Vienna')).toBe(Date.UTC(2020, 9, 25, 0, 30));
  });

  it('is none for what is no date', () => {
    expect(momentOf('', 'UTC')).toBeNull();
    expect(momentOf('2021-02-30T10:00', 'UTC')).toBeNull();
    expect(momentOf('tomorrow', 'UTC')).toBeNull();
  });
});
