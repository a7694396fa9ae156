import { expect, test } from 'vitest';
import { lastBefore, locate, momentAt, momentOf, places, type Stretch } from './place';

const FILES: Stretch[][] = [
  [
    [0, 500, 60_000],
    [59_500, 90_000, 120_000],
  ],
  [[0, 180_000, 240_000]],
];

test('a moment has its place in one of several files', () => {
  expect(locate(FILES, 0)).toEqual({ file: 0, at: 0 });
  expect(locate(FILES, 10_500)).toEqual({ file: 0, at: 10_000 });
  expect(locate(FILES, 100_000)).toEqual({ file: 0, at: 69_500 });
  expect(locate(FILES, 200_000)).toEqual({ file: 1, at: 20_000 });
});

test('where nothing was recorded the next sound follows', () => {
  expect(locate(FILES, 70_000)).toEqual({ file: 0, at: 59_500 });
  expect(locate(FILES, 150_000)).toEqual({ file: 1, at: 0 });
  expect(locate(FILES, 240_000)).toBeNull();
  expect(locate([], 0)).toBeNull();
});

test('a place has its moment', () => {
  const [first, second] = FILES as [Stretch[], Stretch[]];
  expect(momentAt(first, 10_000)).toBe(10_500);
  expect(momentAt(first, 69_500)).toBe(100_000);
  expect(momentAt(second, 99_000_000)).toBe(240_000);
  for (const moment of [500, 33_000, 91_000, 181_000]) {
    const place = locate(FILES, moment)!;
    expect(momentAt(FILES[place.file]!, place.at)).toBe(moment);
  }
});

test('the address of a statement, as a release prints it', () => {
  expect(momentOf('#t=72,80')).toBe(72_000);
  expect(momentOf('#t=72.5')).toBe(72_500);
  for (const other of ['', '#transcript', '#t=', '#t=-1', '#t=1e9', '#t=1,2,3', '#t=99999999']) {
    expect(momentOf(other), other).toBeNull();
  }
});

test('words are found in any letter case and script, and are no pattern', () => {
  expect(places('Peace, and peace.', 'PEACE')).toEqual([[0, 5], [11, 16]]);
  expect(places('Многосторонний порядок', 'порядок')).toEqual([[15, 22]]);
  expect(places('a (b) a.b', '(b)')).toEqual([[2, 5]]);
  expect(places('aXb a.b', 'a.b')).toEqual([[4, 7]]);
  expect(places('new   era', 'new era')).toEqual([[0, 9]]);
  expect(places('anything', ' ')).toEqual([]);
  expect(places('a-b / c', 'a-b /')).toEqual([[0, 5]]);
});

test('the line that is heard', () => {
  expect([-1, 0, 1, 2, 2].map((_, index) => lastBefore([10, 20, 30], [5, 10, 29, 30, 99][index]!))).toEqual([-1, 0, 1, 2, 2]);
});
