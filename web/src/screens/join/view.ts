/** Which screen a personal link shows: one place that decides it, without any user interface. */
import type { Line } from '../../api/live';
import type { EndReason, Life, You } from '../../api/types';

/** Notices that take the whole screen; each has its texts under `notice.` in the translations. */
export type FullKind =
  | 'bad-link'
  | 'no-event'
  | 'removed'
  | 'suspended'
  | 'event-suspended'
  | 'full'
  | 'elsewhere'
  | 'closed'
  | 'locked'
  | 'trouble'
  | 'left';

export type View =
  | { screen: 'notice'; kind: FullKind }
  /** Device check of people who speak or moderate. */
  | { screen: 'check' }
  /** What a participant will hear, and the gesture that lets sound start. */
  | { screen: 'listen' }
  | { screen: 'lobby'; why: 'not-open' | 'soon' | 'waiting' }
  | { screen: 'console' }
  | { screen: 'stage' };

export interface Situation {
  line: Line;
  end: EndReason | null;
  life: Life;
  locked: boolean;
  you: You;
  /** The person has pressed "Listen" or "Enter the green room". */
  entered: boolean;
  left: boolean;
}

const ENDS: Partial<Record<EndReason, FullKind>> = {
  'bad-token': 'bad-link',
  'no-such-event': 'no-event',
  removed: 'removed',
  suspended: 'suspended',
  'event-full': 'full',
  'too-many-connections': 'elsewhere',
  closed: 'closed',
  'bad-message': 'trouble',
};

export function viewOf({ line, end, life, locked, you, entered, left }: Situation): View {
  if (left) return notice('left');
  const ended = line.state === 'ended' ? line.reason : end;
  const kind = ended === null ? undefined : ENDS[ended];
  if (kind !== undefined) return notice(kind);
  if (you.admission === 'removed') return notice('removed');
  if (you.admission === 'suspended') return notice('suspended');
  if (life === 'closed') return notice('closed');
  const hosted = you.speaks || you.moderates;
  if (!entered) return { screen: hosted ? 'check' : 'listen' };
  if (you.moderates) return { screen: 'console' };
  if (you.admission === 'waiting') return locked ? notice('locked') : { screen: 'lobby', why: 'waiting' };
  if (hosted || you.place !== 'none') return { screen: 'stage' };
  switch (life) {
    case 'scheduled':
      return { screen: 'lobby', why: 'not-open' };
    case 'green-room':
      return { screen: 'lobby', why: 'soon' };
    case 'suspended':
      return notice('event-suspended');
    case 'live':
      return { screen: 'stage' };
  }
}

const notice = (kind: FullKind): View => ({ screen: 'notice', kind });
