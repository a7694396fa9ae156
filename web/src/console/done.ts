/** What an accepted command has done, in one sentence. */
import type { Command } from '../api/types';
import { nextSegment, previousSegment, type House } from './house';
import type { Phrase } from './phrases';

/** The sentence of `command`, given the house before it; `null` where the screen itself says it
 * (one's own microphone and camera). */
export function done(command: Command, before: House): Phrase | null {
  switch (command.do) {
    case 'open-green-room':
    case 'open-event':
    case 'suspend-event':
    case 'resume-event':
    case 'close-event':
    case 'admit-all':
    case 'lock':
    case 'unlock':
    case 'enter-stage':
    case 'leave-stage':
    case 'take-floor':
      return { say: `done.${command.do}` };
    case 'yield-floor':
      return { say: 'done.take-floor' };
    case 'admit':
    case 'suspend-person':
    case 'remove-person':
    case 'readmit':
    case 'bring-on-stage':
    case 'send-from-stage':
    case 'dismiss-hand':
    case 'mute':
    case 'allow-microphone':
      return { say: `done.${command.do}`, people: [command.person] };
    case 'give-floor':
      return command.limit === null
        ? { say: 'done.give-floor', people: [command.person] }
        : { say: 'done.give-floor-limit', people: [command.person], length: command.limit };
    case 'set-answering':
      return {
        say: command.allowed ? 'done.answering' : 'done.answering-end',
        people: [command.person],
      };
    case 'next-segment':
    case 'previous-segment': {
      const to = command.do === 'next-segment' ? nextSegment(before) : previousSegment(before);
      return to === null ? null : { say: 'done.segment', segment: to.planned.id };
    }
    case 'extend-segment':
      return { say: 'done.extend-segment', length: command.by };
    case 'set-record-status':
      return { say: 'done.record-status', segment: command.segment, status: command.status };
    default:
      return null;
  }
}
