import { describe, expect, test } from 'vitest';
import type { PersonView, SegmentNow, SegmentView } from '../api/types';
import { countries } from './countries';
import { fullName, offices, say, styleAndName } from './names';
import { clockText, day, hour, left, length, offset, plannedStarts, sameDay, sameHours, spent, weekday, zoneCity } from './time';

const OPENING = Date.parse('2021-02-09T15:00:00+05:00');
const MINUTE = 60_000;

describe('hours and days', () => {
  test('in the event’s city and in the viewer’s zone', () => {
    expect(hour(OPENING, 'Asia/Karachi')).toBe('15:00');
    expect(hour(OPENING, 'Europe/Moscow')).toBe('13:00');
    expect(hour(Date.parse('2021-02-09T00:00:00Z'), 'UTC')).toBe('00:00');
  });
  test('offsets by their usual names', () => {
    expect(offset(OPENING, 'Asia/Karachi')).toBe('UTC+5');
    expect(offset(OPENING, 'Asia/Kolkata')).toBe('UTC+5:30');
    expect(offset(OPENING, 'America/New_York')).toBe('UTC\u22125');
    expect(offset(OPENING, 'UTC')).toBe('UTC');
  });
  test('summer time is followed', () => {
    const summer = Date.parse('2021-07-09T15:00:00Z');
    expect(hour(OPENING, 'Europe/London')).toBe('10:00');
    expect(hour(summer, 'Europe/London')).toBe('16:00');
    expect(sameHours(OPENING, 'Europe/London', 'UTC')).toBe(true);
    expect(sameHours(summer, 'Europe/London', 'UTC')).toBe(false);
  });
  test('dates in words, with Latin digits', () => {
    expect(day(OPENING, 'Asia/Karachi', 'en')).toBe('9 February 2021');
    expect(day(OPENING, 'Asia/Karachi', 'ru')).toBe('9 февраля 2021 года');
    expect(day(OPENING, 'Asia/Karachi', 'ur')).toMatch(/^9 فروری،? 2021$/);
    expect(weekday(OPENING, 'Asia/Karachi', 'en')).toBe('Tuesday');
    expect(weekday(OPENING, 'Asia/Karachi', 'ru')).toBe('Вторник');
  });
  test('another day elsewhere is noticed', () => {
    expect(sameDay(OPENING, 'Asia/Karachi', 'Europe/Moscow')).toBe(true);
    expect(sameDay(OPENING, 'Asia/Karachi', 'Pacific/Honolulu')).toBe(true);
    expect(sameDay(OPENING + 5 * 3_600_000, 'Asia/Karachi', 'Pacific/Auckland')).toBe(false);
  });
  test('cities of zones', () => {
    expect(zoneCity('America/New_York')).toBe('New York');
    expect(zoneCity('America/Argentina/Buenos_Aires')).toBe('Buenos Aires');
    expect(zoneCity('UTC')).toBe('UTC');
  });
});

describe('lengths', () => {
  test.each([
    [72 * MINUTE, 'en', '1 hour 12 minutes'],
    [60 * MINUTE, 'en', '1 hour'],
    [5_000, 'en', '1 minute'],
    [26 * 60 * MINUTE, 'en', '26 hours'],
    [75 * 60 * MINUTE, 'en', '3 days'],
    [72 * MINUTE, 'ru', '1 час 12 минут'],
    [72 * MINUTE, 'ur', '1 گھنٹہ 12 منٹ'],
  ])('%i ms in %s', (millis, language, text) => {
    expect(length(millis, language)).toBe(text);
  });
  test('as a clock', () => {
    expect(clockText(84_000)).toBe('1:24');
    expect(clockText(-72_000)).toBe('1:12');
    expect(clockText(3_729_000)).toBe('1:02:09');
  });
});

describe('segments', () => {
  const planned = { planned: 20 * MINUTE } as SegmentView;
  const segment = (change: Partial<SegmentNow>): SegmentNow => ({
    id: 'questions',
    began_at: 0,
    ended_at: null,
    spent_before: 0,
    running_since: null,
    extended_by: 0,
    record_status: 'on-the-record',
    ...change,
  });
  test('spend earlier runs and the present one, and stand while suspended', () => {
    expect(spent(segment({ spent_before: 3 * MINUTE, running_since: 100 }), 100 + MINUTE)).toBe(4 * MINUTE);
    expect(spent(segment({ spent_before: 3 * MINUTE }), 99 * MINUTE)).toBe(3 * MINUTE);
    expect(spent(segment({ running_since: 1000 }), 0)).toBe(0);
  });
  test('have time left, also by extension, or are over', () => {
    expect(left(planned, segment({ running_since: 0 }), 15 * MINUTE)).toBe(5 * MINUTE);
    expect(left(planned, segment({ running_since: 0, extended_by: 5 * MINUTE }), 22 * MINUTE)).toBe(3 * MINUTE);
    expect(left(planned, segment({ running_since: 0 }), 21 * MINUTE)).toBe(-MINUTE);
  });
  test('begin one after the other', () => {
    const all = [{ planned: 10 * MINUTE }, { planned: 30 * MINUTE }, { planned: MINUTE }] as SegmentView[];
    expect(plannedStarts(OPENING, all)).toEqual([OPENING, OPENING + 10 * MINUTE, OPENING + 40 * MINUTE]);
  });
});

describe('names', () => {
  const ganich: PersonView = {
    id: 'ganich',
    name: { en: 'Danila Ganich', ru: 'Данила Ганич' },
    honorific: { en: 'HE' },
    office: { en: 'Ambassador of the Russian Federation to Pakistan', ru: 'Посол Российской Федерации в Пакистане' },
    affiliation: null,
    country: 'RU',
    party: null,
    roles: ['plenary-speaker'],
  };
  test('a style is used only in the language of the name', () => {
    expect(fullName(ganich, ['en'])).toEqual({ text: 'HE Danila Ganich', language: 'en' });
    expect(fullName(ganich, ['ru'])).toEqual({ text: 'Данила Ганич', language: 'ru' });
    expect(styleAndName(ganich, ['en']).style).toBe('HE');
    expect(styleAndName(ganich, ['ru']).style).toBeNull();
  });
  test('a missing language falls back, and says which it is', () => {
    expect(fullName(ganich, ['ur', 'ru'])).toEqual({ text: 'Данила Ганич', language: 'ru' });
    expect(say({ ur: 'متن' }, ['fr'])).toEqual({ text: 'متن', language: 'ur' });
    expect(say({ en: '' }, ['en'])).toBeNull();
    expect(say(null, ['en'])).toBeNull();
  });
  test('office and body are one line in one language, and the body is not said twice', () => {
    const chair = { ...ganich, office: { en: 'Chairman', ur: 'چیئرمین' }, affiliation: { en: 'The Council', ur: 'کونسل' } };
    expect(offices(chair, ['en']).map(({ text }) => text)).toEqual(['Chairman, The Council']);
    expect(offices(chair, ['ur']).map(({ text }) => text)).toEqual(['چیئرمین، کونسل']);
    expect(offices({ ...chair, office: { en: 'Chairman, The Council' } }, ['en']).map(({ text }) => text)).toEqual([
      'Chairman, The Council',
    ]);
    expect(offices({ ...chair, affiliation: { ru: 'Совет' } }, ['en']).map(({ text }) => text)).toEqual(['Chairman', 'Совет']);
    expect(offices({ ...ganich, office: null }, ['en'])).toEqual([]);
  });
});

test('countries are named in the reader’s language', () => {
  expect(countries('en').find(({ code }) => code === 'PK')?.name).toBe('Pakistan');
  expect(countries('ru').find(({ code }) => code === 'PK')?.name).toBe('Пакистан');
});
