import { describe, expect, test } from 'vitest';
import { lineOf, readList } from './press';

const languages = ['en', 'ru', 'ur'];
const read = (text: string) => readList(text, languages);

describe('the press list', () => {
  test('is read as people write it and as tables give it', () => {
    const text = [
      'Anya Petrova <anya@agency.example>, ru',
      'desk@daily.example',
      '',
      '# the weeklies',
      '"Khan, Bilal";bilal@weekly.example;UR',
      'news@radio.example\tru',
    ].join('\r\n');
    expect(read(text)).toEqual({
      recipients: [
        { name: 'Anya Petrova', address: 'anya@agency.example', language: 'ru' },
        { name: '', address: 'desk@daily.example', language: 'en' },
        { name: 'Khan, Bilal', address: 'bilal@weekly.example', language: 'ur' },
        { name: '', address: 'news@radio.example', language: 'ru' },
      ],
      wrong: [],
    });
  });

  test('says which lines say nothing', () => {
    const { recipients, wrong } = read('desk@daily.example\nnobody\nA <a@b>, en\nB <b@c.example>, xx');
    expect(recipients).toHaveLength(1);
    expect(wrong.map(({ line }) => line)).toEqual([2, 3, 4]);
  });

  test('is written as it is read', () => {
    const all = read('Anya <anya@agency.example>, ru\ndesk@daily.example').recipients;
    expect(read(all.map(lineOf).join('\n')).recipients).toEqual(all);
  });
});
