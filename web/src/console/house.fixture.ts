/** The reference event as the tests of the console know it: in its plenary address, all well. */
import type {
  HandView,
  PersonId,
  PersonRow,
  PersonView,
  Role,
  SegmentId,
  SegmentKind,
  StagePerson,
} from '../api/types';
import type { House } from './house';

export const MINUTE = 60_000;

/** The planned opening: 9 February 2021, 15:00 in Karachi. */
export const START = Date.UTC(2021, 1, 9, 10, 0);

export function person(id: PersonId, name: string, role: Role): PersonView {
  return {
    id,
    name: { en: name },
    honorific: null,
    office: null,
    affiliation: null,
    country: null,
    party: null,
    roles: [role],
  };
}

export const kazi = person('kazi', 'Mustafa Kamal Kazi', 'moderator');
export const ganich = person('ganich', 'Danila Ganich', 'plenary-speaker');
export const sehgal = person('sehgal', 'Ikram Sehgal', 'concluding-speaker');
export const mirza = person('mirza', 'Sana Mirza', 'participant');
export const hashmi = person('hashmi', 'Bilal Hashmi', 'participant');

export function stands(view: PersonView, change: Partial<StagePerson> = {}): StagePerson {
  return {
    person: view,
    place: 'member',
    present: true,
    microphone: 'off',
    camera: true,
    screen: false,
    ...change,
  };
}

export function row(view: PersonView, change: Partial<PersonRow> = {}): PersonRow {
  return { person: view, admission: 'admitted', present: true, place: 'none', ...change };
}

export function hand(view: PersonView, present = true): HandView {
  return { person: view, since: START, present };
}

const PROGRAMME: readonly [SegmentId, SegmentKind, number, PersonId][] = [
  ['introductory-remarks', 'introductory-remarks', 10, 'kazi'],
  ['plenary-address', 'plenary-address', 30, 'ganich'],
  ['questions', 'questions', 20, 'ganich'],
  ['concluding-note', 'concluding-note', 10, 'sehgal'],
];

/** The house with the segment at `current` running since `began_at`; -1 is before the opening. */
export function house(current: number, change: Partial<House> = {}, began_at = START): House {
  const status = (id: SegmentId) =>
    id === 'questions' ? ('chatham-house-rule' as const) : ('on-the-record' as const);
  const live = current >= 0;
  const id = PROGRAMME[current]?.[0] ?? null;
  return {
    event: {
      id: 'russian-diplomats-day',
      title: { en: 'Russia–Pakistan relations' },
      topic: { en: 'Relations' },
      occasion: null,
      notice: null,
      languages: ['en'],
      start: START,
      planned_end: START + 70 * MINUTE,
      time_zone: 'Asia/Karachi',
      city: { en: 'Karachi' },
      parties: [],
      people: [kazi, ganich, sehgal],
      segments: PROGRAMME.map(([segment, kind, minutes, floor]) => ({
        id: segment,
        kind,
        title: null,
        planned: minutes * MINUTE,
        floor: [floor],
        record_status: status(segment),
      })),
      life: live ? 'live' : 'green-room',
      registration_open: true,
      hands_allowed: true,
      recording: true,
      chatham_house_recorded: false,
    },
    you: {
      person: kazi,
      moderates: true,
      speaks: true,
      admission: 'admitted',
      place: 'member',
      microphone: 'on',
      camera: true,
      screen: false,
      has_floor: false,
      may_answer: false,
      hand: null,
      may_publish: true,
      may_receive: true,
    },
    life: {
      life: live ? 'live' : 'green-room',
      opened_at: live ? START : null,
      closed_at: null,
      suspended_since: null,
      suspension_reason: null,
      locked: false,
    },
    programme: {
      current: id,
      segments: PROGRAMME.map(([segment], index) => ({
        id: segment,
        began_at: index === current ? began_at : index < current ? START : null,
        ended_at: index < current ? began_at : null,
        running_since: index === current ? began_at : null,
        spent_before: index < current ? 10 * MINUTE : 0,
        extended_by: 0,
        record_status: status(segment),
      })),
      record_status: id === null ? 'off-the-record' : status(id),
    },
    floor: { holder: null, answering: [] },
    stage: { people: [stands(kazi, { microphone: 'on' }), stands(ganich), stands(sehgal)] },
    audience: { watching: 212, hands: 0 },
    hands: { hands: [] },
    lobby: { count: 0, waiting: [] },
    roster: {
      count: 5,
      people: [
        row(kazi, { place: 'member' }),
        row(ganich, { place: 'member' }),
        row(sehgal, { place: 'member' }),
        row(mirza),
        row(hashmi),
      ],
    },
    lines: {
      people: [
        { person: 'kazi', quality: 'good' },
        { person: 'ganich', quality: 'good' },
      ],
      audience: { good: 212, fair: 0, poor: 0, lost: 0 },
    },
    ...change,
  };
}

/** The floor with a person. */
export function floorOf(view: PersonView, answering: PersonView[] = []): House['floor'] {
  return {
    holder: { person: view.id, since: START, limit: null },
    answering: answering.map(({ id }) => id),
  };
}
