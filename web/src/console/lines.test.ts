import { describe, expect, it } from 'vitest';
import { house, kazi, ganich, sehgal, stands } from './house.fixture';
import { audienceLines, weakOnStage } from './lines';

const audience = (good: number, fair: number, poor: number, lost: number) =>
  house(1, { lines: { people: [], audience: { good, fair, poor, lost } } });

describe('the audience', () => {
  it('is counted by steps that somebody is at', () => {
    expect(audienceLines(audience(120, 0, 3, 0))).toEqual({
      mark: 'good',
      counts: [
        { quality: 'good', n: 120 },
        { quality: 'poor', n: 3 },
      ],
    });
  });

  it('asks for attention when the lines of many are weak', () => {
    expect(audienceLines(audience(91, 0, 5, 4))?.mark).toBe('good');
    expect(audienceLines(audience(90, 0, 5, 5))?.mark).toBe('overrun');
    expect(audienceLines(audience(0, 9, 0, 0))?.mark).toBe('good');
  });

  it('is not spoken of before a line is judged', () => {
    expect(audienceLines(audience(0, 0, 0, 0))).toBeNull();
  });
});

it('names who on stage is hard to follow, and not who is away', () => {
  const lines = {
    people: [
      { person: 'sehgal', quality: 'lost' as const },
      { person: 'ganich', quality: 'poor' as const },
      { person: 'kazi', quality: 'fair' as const },
      { person: 'mirza', quality: 'poor' as const },
    ],
    audience: { good: 0, fair: 0, poor: 1, lost: 0 },
  };
  const all = { people: [stands(kazi), stands(ganich), stands(sehgal)] };
  expect(weakOnStage(house(1, { lines, stage: all }))).toEqual(['ganich', 'sehgal']);
  const away = { people: [stands(kazi), stands(ganich), stands(sehgal, { present: false })] };
  expect(weakOnStage(house(1, { lines, stage: away }))).toEqual(['ganich']);
});
