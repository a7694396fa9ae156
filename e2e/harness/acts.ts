/** What people do on the screens, by the names that the screens give to their controls. */
import { expect, type Locator } from '@playwright/test';
import type { Command } from '../../web/src/api/types.ts';
import type { Person } from './person.ts';

/** Opens a speaker's or moderator's link and passes the device check into the green room. */
export async function enterGreenRoom(person: Person, link: string): Promise<void> {
  await person.open(link);
  await person.get('enter-green-room').click();
  await expect(person.get('enter-green-room')).toHaveCount(0);
}

/** Opens a participant's link and listens. */
export async function listen(person: Person, link: string): Promise<void> {
  await person.open(link);
  await person.get('listen-button').click();
  await expect(person.get('listen-button')).toHaveCount(0);
}

/** The control of the console that carries out a command, the first that is shown. */
export function control(moderator: Person, command: Command['do'], within?: Locator): Locator {
  return (within ?? moderator.page.locator('body'))
    .locator(`[data-act="${command}"]`)
    .filter({ visible: true })
    .first();
}

/** Presses a control of the console and says when the server accepted the command. */
export async function act(
  moderator: Person,
  command: Command['do'],
  within?: Locator,
): Promise<number> {
  const began = Date.now();
  await control(moderator, command, within).click();
  return accepted(moderator, began);
}

/** Confirms in the dialog. */
export async function confirm(moderator: Person): Promise<number> {
  const began = Date.now();
  await moderator.get('confirm-yes').click();
  return accepted(moderator, began);
}

/** Waits for the answer to the last command and says when it came. */
export async function accepted(person: Person, since: number): Promise<number> {
  let at = 0;
  await expect(async () => {
    const refused = await person.told('refused', since);
    expect(refused.map(({ message }) => message['refusal'])).toEqual([]);
    at = (await person.told('accepted', since)).at(-1)?.at ?? 0;
    expect(at).toBeGreaterThan(0);
  }).toPass({ timeout: 10_000, intervals: [20, 50] });
  return at;
}
