/** What is so in this moment, in at most three sentences. */
import { holder, lostHolder, missing, type House } from './house';
import type { Phrase } from './phrases';

/** The sentences, most important first. */
export function nowSentence(house: House): Phrase[] {
  switch (house.life.life) {
    case 'scheduled':
      return [{ say: 'now.scheduled', at: house.event.start }];
    case 'green-room': {
      const absent = missing(house);
      return [
        { say: 'now.green-room' },
        absent.length === 0
          ? { say: 'now.all-here' }
          : absent.length === 1 && absent[0] === house.you.person.id
            ? { say: 'now.you-missing' }
            : { say: 'now.missing', people: absent, count: absent.length },
      ];
    }
    case 'live':
      return floorSentences(house);
    case 'suspended':
      return [
        { say: 'now.suspended' },
        ...(house.life.suspension_reason
          ? [{ say: 'now.suspended-reason' as const, quote: house.life.suspension_reason }]
          : []),
      ];
    case 'closed':
      return [{ say: 'now.closed' }];
  }
}

function floorSentences(house: House): Phrase[] {
  const person = holder(house);
  const self = house.you.person.id;
  const lost = lostHolder(house);
  const sentences: Phrase[] = [
    person === null
      ? { say: 'now.nobody' }
      : person === self
        ? { say: 'now.you-floor' }
        : { say: 'now.floor', people: [person] },
  ];
  if (lost !== null && lost !== self) sentences.push({ say: 'now.lost', people: [lost] });
  const others = house.floor.answering.filter((entry) => entry !== self && entry !== person);
  if (others.length > 0) {
    sentences.push({ say: 'now.may-answer', people: others, count: others.length });
  }
  return sentences;
}
