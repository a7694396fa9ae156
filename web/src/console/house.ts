/**
 * What the console knows of the event at one moment, and the questions it asks of it. Pure: the
 * moment is an argument, nothing here has a clock or words of a language.
 */
import type {
  AudienceSection,
  EventView,
  FloorSection,
  HandsSection,
  LifeSection,
  LineQuality,
  LinesSection,
  LobbySection,
  Millis,
  PersonId,
  PersonRow,
  PersonView,
  ProgrammeSection,
  RecordStatus,
  RosterSection,
  SegmentId,
  SegmentKind,
  SegmentNow,
  SegmentView,
  StagePerson,
  StageSection,
  Timestamp,
  You,
} from '../api/types';

/** The sections of the live view that a moderator reads, all of them there. */
export interface House {
  event: EventView;
  you: You;
  life: LifeSection;
  programme: ProgrammeSection;
  floor: FloorSection;
  stage: StageSection;
  audience: AudienceSection;
  hands: HandsSection;
  lobby: LobbySection;
  roster: RosterSection;
  lines: LinesSection;
}

/** A segment as planned and as it went. */
export interface SegmentState {
  planned: SegmentView;
  now: SegmentNow;
  index: number;
}

/** In these kinds several may speak, and the floor goes to raised hands (`floor_is_open`). */
export function floorIsOpen(kind: SegmentKind): boolean {
  return kind === 'questions' || kind === 'discussion';
}

/** The segments in order, each with how far it has come. */
export function segments(house: House): SegmentState[] {
  return house.event.segments.map((planned, index) => ({
    planned,
    index,
    now: house.programme.segments.find((segment) => segment.id === planned.id) ?? {
      id: planned.id,
      began_at: null,
      ended_at: null,
      spent_before: 0,
      running_since: null,
      extended_by: 0,
      record_status: planned.record_status,
    },
  }));
}

/** The present segment, if there is one. */
export function currentSegment(house: House): SegmentState | null {
  return segments(house).find(({ planned }) => planned.id === house.programme.current) ?? null;
}

/** The segment after the present one; the first before the opening. */
export function nextSegment(house: House): SegmentState | null {
  const current = currentSegment(house);
  return segments(house)[current === null ? 0 : current.index + 1] ?? null;
}

/** The segment before the present one. */
export function previousSegment(house: House): SegmentState | null {
  const current = currentSegment(house);
  return current === null ? null : (segments(house)[current.index - 1] ?? null);
}

/** Length given to a segment: planned and extensions. */
export function allotted(segment: SegmentState): Millis {
  return segment.planned.planned + segment.now.extended_by;
}

/** Time a segment has taken so far, earlier runs included, suspensions not. */
export function spent({ now: segment }: SegmentState, now: Timestamp): Millis {
  const run = segment.running_since === null ? 0 : Math.max(0, now - segment.running_since);
  return segment.spent_before + run;
}

/** Time left in a segment; negative once it is over its time. */
export function left(segment: SegmentState, now: Timestamp): Millis {
  return allotted(segment) - spent(segment, now);
}

/**
 * When the event would end if the present segment ended on time (or now, if it is over) and every
 * coming one took its planned length.
 */
export function wouldCloseAt(house: House, now: Timestamp): Timestamp {
  if (house.life.closed_at !== null) return house.life.closed_at;
  const current = currentSegment(house);
  const coming = segments(house).filter(({ index }) => index > (current?.index ?? -1));
  const from = current === null ? Math.max(now, house.event.start) : now;
  const rest = current === null ? 0 : Math.max(0, left(current, now));
  return coming.reduce((at, segment) => at + allotted(segment), from + rest);
}

/** A person on stage, or nothing. */
export function onStage(house: House, person: PersonId | null): StagePerson | null {
  return house.stage.people.find((entry) => entry.person.id === person) ?? null;
}

/** A person's line of the roster, or nothing (at most 500 people are listed). */
export function rosterRow(house: House, person: PersonId): PersonRow | null {
  return house.roster.people.find((row) => row.person.id === person) ?? null;
}

/** Everything known of a person, wherever they are listed. */
export function personView(house: House, person: PersonId): PersonView | null {
  return (
    onStage(house, person)?.person ??
    house.event.people.find(({ id }) => id === person) ??
    house.hands.hands.find((hand) => hand.person.id === person)?.person ??
    house.lobby.waiting.find((waiting) => waiting.person.id === person)?.person ??
    rosterRow(house, person)?.person ??
    (house.you.person.id === person ? house.you.person : null)
  );
}

/** How good a person's line is, where the server says it: of everybody on stage, and of others whose
 * line is not good. */
export function lineOf(house: House, person: PersonId): LineQuality | null {
  return house.lines.people.find((row) => row.person === person)?.quality ?? null;
}

/** Connected now, as far as the sections say. */
export function isPresent(house: House, person: PersonId): boolean {
  const here = onStage(house, person);
  if (here !== null) return here.present;
  return rosterRow(house, person)?.present ?? false;
}

/** Holder of the floor. */
export function holder(house: House): PersonId | null {
  return house.floor.holder?.person ?? null;
}

/** The holder when their line is lost. */
export function lostHolder(house: House): PersonId | null {
  const person = holder(house);
  return person !== null && onStage(house, person)?.present === false ? person : null;
}

/** Everybody whom the programme names, in the order they come, each once. */
export function named(house: House): PersonId[] {
  return [...new Set(house.event.segments.flatMap((segment) => segment.floor))];
}

/** Whom the programme names and who is not on stage with a line up. */
export function missing(house: House): PersonId[] {
  return named(house).filter((person) => onStage(house, person)?.present !== true);
}

/** Who gets the floor by the programme when a segment begins, if anybody. */
export function opener(segment: SegmentState): PersonId | null {
  return floorIsOpen(segment.planned.kind) ? null : (segment.planned.floor[0] ?? null);
}

/** Segments that never began. */
export function unbegun(house: House): SegmentState[] {
  return segments(house).filter(({ now }) => now.began_at === null);
}

/** The moderator may change the record status of the present and the coming segments. */
export function recordStatusOpen(house: House, segment: SegmentState): boolean {
  const current = currentSegment(house);
  return house.life.life !== 'closed' && segment.index >= (current?.index ?? 0);
}

/** True when what is said in a segment of this status is recorded, by the event's policy. */
export function isRecorded(event: EventView, status: RecordStatus): boolean {
  if (status === 'off-the-record') return false;
  return event.recording && (status === 'on-the-record' || event.chatham_house_recorded);
}

/** Where a segment stands relative to the present one. */
export function standing(house: House, id: SegmentId): 'past' | 'now' | 'coming' {
  const at = segments(house).findIndex(({ planned }) => planned.id === id);
  const current = currentSegment(house)?.index ?? -1;
  if (house.life.life === 'closed') return at <= current ? 'past' : 'coming';
  return at === current ? 'now' : at < current ? 'past' : 'coming';
}
