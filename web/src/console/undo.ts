/**
 * The way back: reversible acts are done at once, and undone by their opposite commands. What has
 * no opposite (an extension, a dismissed hand, the opening) has no way back and says so by
 * offering none.
 */
import type { Command } from '../api/types';
import { currentSegment, holder, isPresent, onStage, opener, rosterRow, type House } from './house';

/** The commands that bring back what `command` changes, given the house before it; or none. */
export function opposite(command: Command, before: House): Command[] | null {
  switch (command.do) {
    case 'give-floor':
    case 'take-floor': {
      const grant = before.floor.holder;
      if (command.do === 'take-floor' && grant === null) return null;
      if (grant === null) return [{ do: 'take-floor' }];
      return [{ do: 'give-floor', person: grant.person, limit: grant.limit }];
    }
    case 'next-segment':
      return currentSegment(before) === null
        ? null
        : [{ do: 'previous-segment' }, ...floorAsBefore(before)];
    case 'previous-segment':
      return [{ do: 'next-segment' }, ...floorAsBefore(before)];
    case 'bring-on-stage':
      return [{ do: 'send-from-stage', person: command.person }];
    case 'send-from-stage': {
      const grant = before.floor.holder;
      const had = grant !== null && grant.person === command.person ? grant : null;
      const back: Command[] =
        onStage(before, command.person)?.place === 'guest'
          ? []
          : [{ do: 'bring-on-stage', person: command.person }];
      if (had !== null) back.push({ do: 'give-floor', person: had.person, limit: had.limit });
      return back.length === 0 ? null : back;
    }
    case 'set-answering':
      return [{ do: 'set-answering', person: command.person, allowed: !command.allowed }];
    case 'mute':
      return [{ do: 'allow-microphone', person: command.person }];
    case 'allow-microphone':
      return [{ do: 'mute', person: command.person }];
    case 'lock':
      return [{ do: 'unlock' }];
    case 'unlock':
      return [{ do: 'lock' }];
    case 'suspend-person':
    case 'remove-person':
      return [{ do: 'readmit', person: command.person }];
    default:
      return null;
  }
}

/** A segment that begins gives the floor by the programme; whoever else had it gets it back. */
function floorAsBefore(before: House): Command[] {
  const grant = before.floor.holder;
  const segment = currentSegment(before);
  if (grant === null || segment === null || opener(segment) === grant.person) return [];
  return [{ do: 'give-floor', person: grant.person, limit: grant.limit }];
}

/**
 * True while what `command` changed is still so, and going back therefore means something. An act
 * that others have overtaken is history.
 */
export function stands(command: Command, after: House): boolean {
  const { life } = after.life;
  if (life === 'closed') return false;
  switch (command.do) {
    case 'give-floor':
      return holder(after) === command.person;
    case 'take-floor':
      return life === 'live' && holder(after) === null;
    case 'next-segment':
    case 'previous-segment':
      return life === 'live';
    case 'bring-on-stage':
      return onStage(after, command.person) !== null;
    case 'send-from-stage':
      return onStage(after, command.person) === null && isPresent(after, command.person);
    case 'set-answering':
      return (
        onStage(after, command.person) !== null &&
        after.floor.answering.includes(command.person) === command.allowed
      );
    case 'mute':
      return onStage(after, command.person)?.microphone === 'muted';
    case 'allow-microphone': {
      const person = onStage(after, command.person);
      return person !== null && person.microphone !== 'muted';
    }
    case 'lock':
      return after.life.locked;
    case 'unlock':
      return !after.life.locked;
    case 'suspend-person':
      return rosterRow(after, command.person)?.admission === 'suspended';
    case 'remove-person':
      return rosterRow(after, command.person)?.admission === 'removed';
    default:
      return false;
  }
}
