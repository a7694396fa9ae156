/** Puts phrases into the person's language: names, segments, hours and numbers of this event. */
import type { PersonId, PersonView, SegmentId, Timestamp } from '../api/types';
import { fullName, offices, say } from '../format/names';
import { day, hour, length } from '../format/time';
import type { Key, Parameters } from '../i18n';
import { i18n, t } from '../state/i18n.svelte';
import { personView, type House } from './house';
import type { Phrase, Say } from './phrases';

/** Messages that have a form of their own when they speak of the moderator at the screen. */
const OF_YOU: Partial<Record<Phrase['say'], Say>> = {
  'then-floor': 'then-floor-you',
  'then-floor-later': 'then-floor-later-you',
  'then-floor-from': 'then-floor-from-you',
  'done.give-floor': 'done.give-floor-you',
};

/** A text of the section `console`. */
export const c = (key: Say, params?: Parameters): string => t(`console.${key}` as Key, params);

/** A person's full name as it is spoken of. */
export function personName(house: House, id: PersonId): string {
  const person = personView(house, id);
  return person === null ? id : fullName(person, [i18n.language, ...house.event.languages]).text;
}

/** Names as a list of the language: "A, B and C". */
export function personNames(house: House, people: readonly PersonId[]): string {
  return list(people.map((person) => personName(house, person)));
}

/** A list of the language: "A, B and C". */
export function list(items: readonly string[]): string {
  return new Intl.ListFormat(i18n.language, { type: 'conjunction' }).format(items);
}

/** A segment's own title, or the name of its kind. */
export function segmentName(house: House, id: SegmentId): string {
  const segment = house.event.segments.find((entry) => entry.id === id);
  if (segment === undefined) return id;
  const title = say(segment.title, [i18n.language, ...house.event.languages]);
  return title?.text ?? t(`segment.${segment.kind}` as Key);
}

/** A phrase in the person's language. */
export function speak(house: House, phrase: Phrase): string {
  const params: Parameters = { n: phrase.count ?? phrase.people?.length ?? 0 };
  if (phrase.people !== undefined) params['people'] = personNames(house, phrase.people);
  if (phrase.segment !== undefined) params['segment'] = segmentName(house, phrase.segment);
  if (phrase.status !== undefined) params['status'] = c(`status.${phrase.status}`);
  if (phrase.at !== undefined) params['time'] = moment(house, phrase.at);
  if (phrase.length !== undefined) params['length'] = length(phrase.length, i18n.language);
  if (phrase.quote !== undefined) params['quote'] = phrase.quote;
  return c(form(house, phrase), params);
}

/** The hour in the event's city, with the day where it is not today. */
function moment(house: House, at: Timestamp): string {
  const zone = house.event.time_zone;
  const today = day(Date.now(), zone, i18n.language) === day(at, zone, i18n.language);
  return today ? hour(at, zone) : `${day(at, zone, i18n.language)}${c('comma')}${hour(at, zone)}`;
}

function form(house: House, phrase: Phrase): Say {
  if (phrase.say === 'next.segment') {
    const segment = house.event.segments.find(({ id }) => id === phrase.segment);
    return segment === undefined || segment.title !== null || segment.kind === 'other'
      ? 'next.segment.titled'
      : `next.segment.${segment.kind}`;
  }
  const alone = phrase.people?.length === 1 && phrase.people[0] === house.you.person.id;
  return (alone ? OF_YOU[phrase.say] : undefined) ?? phrase.say;
}

/** Sentences one after the other, as the language sets them. */
export const sentences = (house: House, phrases: readonly Phrase[]): string =>
  phrases.map((phrase) => speak(house, phrase)).join(' ');

/** What stands under a name in a list: office and body, in one line. */
export function about(house: House, person: PersonView): string {
  const lines = offices(person, [i18n.language, ...house.event.languages]);
  return lines.map(({ text }) => text).join(c('comma'));
}
