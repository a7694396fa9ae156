/** What the lines of the house say at one glance. Pure. */
import type { LineCounts, LineQuality, PersonId } from '../api/types';
import type { MarkName } from '../components/marks';
import { lineOf, onStage, type House } from './house';

/** From this share of weak lines on it is worth a look: of many people somebody's line is always weak. */
const WEAK_SHARE = 0.1;

const STEPS = ['good', 'fair', 'poor', 'lost'] as const satisfies readonly (keyof LineCounts & LineQuality)[];

export interface AudienceLines {
  mark: MarkName;
  /** Numbers of lines, from the good ones; steps that nobody is at are left out. */
  counts: { quality: LineQuality; n: number }[];
}

/** The lines of the audience, or nothing while none is judged. */
export function audienceLines(house: House): AudienceLines | null {
  const { audience } = house.lines;
  const counts = STEPS.map((quality) => ({ quality, n: audience[quality] })).filter(({ n }) => n > 0);
  const all = counts.reduce((sum, { n }) => sum + n, 0);
  if (all === 0) return null;
  const weak = (audience.poor + audience.lost) / all;
  return { mark: weak < WEAK_SHARE ? 'good' : 'overrun', counts };
}

/** Who on stage is hard to follow now, in the order of the stage. */
export function weakOnStage(house: House): PersonId[] {
  return house.stage.people
    .map(({ person }) => person.id)
    .filter((person) => {
      const quality = lineOf(house, person);
      return onStage(house, person)?.present === true && (quality === 'poor' || quality === 'lost');
    });
}
