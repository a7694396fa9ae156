import { describe, expect, test } from 'vitest';
import { choose, cut, fill, isolate, merge, pick } from './i18n';

const MESSAGES = {
  a: { b: 'Text', count: { one: '{n} минута', few: '{n} минуты', many: '{n} минут', other: '{n} минуты' } },
};

test('picks by path, and shows a key that is missing', () => {
  expect(pick(MESSAGES, 'ru', 'a.b')).toBe('Text');
  expect(pick(MESSAGES, 'ru', 'a.c')).toBe('a.c');
});

test.each([
  [1, '{n} минута'],
  [3, '{n} минуты'],
  [11, '{n} минут'],
  [21, '{n} минута'],
])('plural of %i', (n, text) => {
  expect(pick(MESSAGES, 'ru', 'a.count', { n })).toBe(text);
});

describe('filling', () => {
  test('keeps names of the same direction bare', () => {
    expect(fill('{name} has the floor.', { name: 'HE Danila Ganich' }, 'ltr')).toBe('HE Danila Ganich has the floor.');
  });
  test('isolates names of the other direction', () => {
    expect(fill('{name} کی باری ہے۔', { name: 'Ganich' }, 'rtl')).toBe('\u2068Ganich\u2069 کی باری ہے۔');
    expect(fill('{name} has the floor.', { name: 'ثنا مرزا' }, 'ltr')).toBe('\u2068ثنا مرزا\u2069 has the floor.');
  });
  test('leaves numbers and hours alone', () => {
    expect(isolate('15:00', 'rtl')).toBe('15:00');
    expect(fill('{n} منٹ', { n: 5 }, 'rtl')).toBe('5 منٹ');
  });
  test('cuts at parameters, and shows one that is not given', () => {
    expect(cut('{n} left of {total}', { n: 2 }, 'ltr')).toEqual([
      { name: 'n', text: '2' },
      { text: ' left of ' },
      { name: 'total', text: '{total}' },
    ]);
  });
});

test('chooses the first wish that is there', () => {
  const there = ['en', 'ru', 'ur'];
  expect(choose([null, 'de-DE', 'ru-RU', 'en'], there)).toBe('ru');
  expect(choose(['xx'], there)).toBe('en');
  expect(choose(['UR'], there)).toBe('ur');
});

test('merges parts', () => {
  expect(merge({ a: { b: '1' } }, { a: { c: '2' }, d: '3' })).toEqual({ a: { b: '1', c: '2' }, d: '3' });
});
