import { describe, expect, test } from 'vitest';
import { Jitter } from './jitter';

const RATE = 1_000;
const chunk = (value: number, length = 20): Float32Array => new Float32Array(length).fill(value);
const pull = (jitter: Jitter, length = 20): number[] => {
  const out = new Float32Array(length);
  jitter.pull(out);
  return [...out];
};

describe('what is held of a voice', () => {
  test('a voice begins when enough is held, and goes on without a gap', () => {
    const jitter = new Jitter(RATE);
    for (let count = 1; count <= 3; count++) {
      jitter.push(chunk(count), count > 1);
      expect(pull(jitter)).toEqual([...chunk(0)]);
    }
    jitter.push(chunk(4), true);
    expect([1, 2, 3, 4].flatMap(() => pull(jitter))).toEqual([1, 2, 3, 4].flatMap((value) => [...chunk(value)]));
  });

  test('after a gap in a running voice more is held; silence between sentences is none', () => {
    const jitter = new Jitter(RATE);
    const before = jitter.target_s;
    for (let count = 0; count < 4; count++) jitter.push(chunk(1), true);
    for (let count = 0; count < 5; count++) pull(jitter);
    jitter.push(chunk(1), false);
    expect(jitter.target_s).toBe(before);
    for (let count = 0; count < 4; count++) jitter.push(chunk(1), true);
    for (let count = 0; count < 6; count++) pull(jitter);
    jitter.push(chunk(1), true);
    expect(jitter.target_s).toBeGreaterThan(before);
  });

  test('a burst of what came late is skipped, so that the voice is never far behind', () => {
    const jitter = new Jitter(RATE);
    for (let count = 0; count < 200; count++) {
      jitter.push(chunk(count), true);
      expect(jitter.held_s).toBeLessThanOrEqual(0.5);
    }
    pull(jitter);
    // What is played is of the last half second.
    expect(pull(jitter)[0]).toBeGreaterThan(174);
  });
});
