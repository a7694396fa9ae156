/** Where a person is in the event, as a word of the interface. */
import type { Admission, PersonId } from '../api/types';
import { onStage, rosterRow, type House } from './house';
import type { Say } from './phrases';

/** Their standing, in one word or two. */
export function standingOf(house: House, person: PersonId): Say {
  const stage = onStage(house, person);
  if (stage !== null) return stage.present ? 'people.stage' : 'stage.lost';
  const row = rosterRow(house, person);
  return row === null ? 'people.away' : admissionWord(row.admission, row.present);
}

function admissionWord(admission: Admission, present: boolean): Say {
  switch (admission) {
    case 'invited':
      return 'people.invited';
    case 'waiting':
      return 'people.waiting';
    case 'admitted':
      return present ? 'people.here' : 'people.away';
    case 'suspended':
      return 'people.suspended';
    case 'removed':
      return 'people.removed';
  }
}

/** They were put out and can be let in again. */
export const isOut = (admission: Admission | undefined): boolean =>
  admission === 'suspended' || admission === 'removed';

/** Letters without case and accents, so that "Müller" is found by "muller". */
export const plain = (text: string): string =>
  text.normalize('NFD').replace(/\p{M}/gu, '').toLocaleLowerCase();
