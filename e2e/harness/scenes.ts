/**
 * Every screen in every state that a person can meet, in the order in which one event passes
 * through them. The accessibility tests and the screenshots walk through the same list.
 */
import { expect, type Page } from '@playwright/test';
import { enterGreenRoom, listen } from './acts.ts';
import { Live } from './live.ts';
import { desktop, Person } from './person.ts';
import { PlenaryServer, referenceFile } from './server.ts';

const EVENT = 'russian-diplomats-day';

export const languages = ['en', 'ru', 'ur'] as const;
export type LanguageTag = (typeof languages)[number];

export interface Scene {
  name: string;
  /** Brings the event to where the scene plays; done once, before it is shown in any language. */
  act?: (house: House) => Promise<void>;
  /** Shows the screen in a fresh page of `viewer`. */
  show: (house: House, viewer: Person, language: LanguageTag) => Promise<void>;
}

/** A running event with its people. */
export class House {
  private constructor(
    readonly server: PlenaryServer,
    /** The moderator's acts that no screen is needed for. */
    readonly moderator: Live,
    /** Speaks and is seen. */
    readonly speaker: Person,
    /** Shows the screens; never publishes. */
    readonly viewer: Person,
  ) {}

  static async open(): Promise<House> {
    const server = await PlenaryServer.start([referenceFile]);
    const token = server.link(EVENT, 'kazi').token;
    const moderator = await Live.connect(server.url, EVENT, token);
    const speaker = await Person.launch('ganich', { voice: 'plenary' });
    const viewer = await Person.launch('viewer', { voice: 'moderator', viewport: desktop });
    return new House(server, moderator, speaker, viewer);
  }

  /** Ends everything and says what went wrong on the way. */
  async close(): Promise<string[]> {
    this.moderator.close();
    const faults = [...this.speaker.faults, ...this.viewer.faults];
    await this.speaker.leave();
    await this.viewer.leave();
    return [...faults, ...(await this.server.finish())];
  }

  address(path: string, language: LanguageTag): string {
    return `${this.server.url}${path}?lang=${language}`;
  }

  event(language: LanguageTag): string {
    return this.address(`/e/${EVENT}`, language);
  }

  /** A personal link with the language chosen. */
  link(person: string, language: LanguageTag): string {
    const token = this.server.link(EVENT, person).token;
    return `${this.address(`/e/${EVENT}/join`, language)}#${token}`;
  }

  /** Registers a person and returns the token of their link. */
  async register(name: string): Promise<string> {
    const answer = await fetch(`${this.server.url}/api/events/${EVENT}/registrations`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name, affiliation: 'University of Karachi', country: 'PK', language: 'en' }),
    });
    const { link } = (await answer.json()) as { link: string };
    this.server.keepSecret(name);
    return new URL(link).hash.slice(1);
  }

  /** A person who is connected without a screen; closed by the server's end at the latest. */
  async connect(token: string): Promise<Live> {
    return Live.connect(this.server.url, EVENT, token);
  }

  connectPerson(person: string): Promise<Live> {
    return this.connect(this.server.link(EVENT, person).token);
  }
}

const settled = (page: Page) => page.evaluate(() => document.fonts.ready.then(() => undefined));

const notice = (kind: string) => async (viewer: Person) => {
  await expect(viewer.get('full-notice')).toHaveAttribute('data-kind', kind);
};

/** Shows a participant's page past the button that lets the sound start. */
async function listening(house: House, viewer: Person, language: LanguageTag): Promise<void> {
  await listen(viewer, house.link('hashmi', language));
}

async function console_(house: House, viewer: Person, language: LanguageTag): Promise<void> {
  await enterGreenRoom(viewer, house.link('kazi', language));
  await expect(viewer.get('now-sentence')).toBeVisible();
}

async function withPicture(viewer: Person): Promise<void> {
  await viewer.sees('plenary');
}

export const scenes: Scene[] = [
  {
    name: 'check',
    show: async (house, viewer, language) => {
      const { token } = house.server.link(EVENT, 'kazi');
      // Another page first: the same address with another fragment would not be loaded anew.
      await viewer.open('about:blank');
      await viewer.open(`${house.address(`/e/${EVENT}/check`, language)}#${token}`);
      await expect(viewer.get('verdict')).toHaveAttribute('data-verdict', 'direct', { timeout: 60_000 });
    },
  },
  {
    name: 'events',
    show: async (house, viewer, language) => viewer.open(house.address('/', language)),
  },
  {
    name: 'event-announced',
    show: async (house, viewer, language) => viewer.open(house.event(language)),
  },
  {
    name: 'event-registration',
    show: async (house, viewer, language) => {
      await viewer.open(house.event(language));
      await viewer.get('register-button').click();
      await expect(viewer.get('registration-form')).toBeVisible();
    },
  },
  {
    name: 'event-registered',
    show: async (house, viewer, language) => {
      await viewer.open(house.event(language));
      await viewer.get('register-button').click();
      await viewer.get('registration-form').getByRole('textbox').first().fill(`Somebody ${language}`);
      await viewer.get('registration-send').click();
      await expect(viewer.get('join-now')).toBeVisible();
    },
  },
  {
    name: 'not-found',
    show: async (house, viewer, language) => viewer.open(house.address('/e/no-such-event', language)),
  },
  {
    name: 'link-not-valid',
    show: async (house, viewer, language) => {
      await viewer.open(`${house.address(`/e/${EVENT}/join`, language)}#nonsense`);
      await notice('bad-link')(viewer);
    },
  },
  {
    name: 'join-participant',
    show: async (house, viewer, language) => {
      await viewer.open(house.link('hashmi', language));
      await expect(viewer.get('listen-button')).toBeVisible();
    },
  },
  {
    name: 'join-speaker',
    show: async (house, viewer, language) => {
      await viewer.open(house.link('sehgal', language));
      await expect(viewer.get('enter-green-room')).toBeVisible();
    },
  },
  {
    name: 'participant-not-open-yet',
    show: listening,
  },
  {
    name: 'console-green-room',
    act: async (house) => {
      await house.moderator.act({ do: 'open-green-room' });
      await enterGreenRoom(house.speaker, house.link('ganich', 'en'));
    },
    show: console_,
  },
  {
    name: 'stage-green-room',
    show: async (house, viewer, language) => enterGreenRoom(viewer, house.link('sehgal', language)),
  },
  {
    name: 'participant-before-opening',
    show: listening,
  },
  {
    name: 'stage-audience',
    act: async (house) => {
      await house.moderator.act({ do: 'open-event' });
      await house.moderator.act({ do: 'next-segment' });
      await house.moderator.until('the speaker has the floor', ({ sections }) => {
        const floor = sections.get('floor');
        return floor?.section === 'floor' && floor.holder?.person === 'ganich';
      });
    },
    show: async (house, viewer, language) => {
      await listening(house, viewer, language);
      await withPicture(viewer);
    },
  },
  {
    name: 'stage-line-details',
    show: async (house, viewer, language) => {
      await listening(house, viewer, language);
      await withPicture(viewer);
      await viewer.get('line-button').click();
      await expect(viewer.get('line-picture-in-rate')).toHaveText(/\d/);
    },
  },
  {
    name: 'speaker-line-details',
    show: async (house, viewer, language) => {
      await enterGreenRoom(viewer, house.link('sehgal', language));
      await withPicture(viewer);
      await viewer.get('line-button').click();
      await expect(viewer.get('line-picture-out-rate')).toHaveText(/\d/);
    },
  },
  {
    name: 'stage-captions',
    show: async (house, viewer, language) => {
      await listening(house, viewer, language);
      await viewer.get('captions-button').click();
      // Not for the scenes that follow.
      await viewer.page.evaluate(() => localStorage.removeItem('plenary.captions'));
      await viewer.get('caption-settings').click();
      await viewer.get('captions-sheet').getByRole('checkbox').check();
    },
  },
  {
    name: 'captions-desk',
    show: async (house, viewer, language) => {
      await viewer.open(house.link('abbasi', language).replace('/join', '/captions'));
      await viewer.get(`desk-${language}`).click();
      await expect(viewer.get('desk-state')).toHaveAttribute('data-state', 'ready');
    },
  },
  {
    name: 'stage-voice-only',
    show: async (house, viewer, language) => {
      await listening(house, viewer, language);
      await viewer.get('voice-only').first().click();
      await expect(viewer.get('main-picture')).toHaveCount(0);
    },
  },
  {
    name: 'stage-speaker',
    show: async (house, viewer, language) => {
      await enterGreenRoom(viewer, house.link('sehgal', language));
      await withPicture(viewer);
    },
  },
  {
    name: 'event-live',
    show: async (house, viewer, language) => viewer.open(house.event(language)),
  },
  {
    name: 'console-live',
    act: async (house) => {
      await house.moderator.act({ do: 'next-segment' });
      const mirza = await house.connectPerson('mirza');
      await mirza.act({ do: 'raise-hand' });
      await house.connect(await house.register('Nadia Rehman Qureshi'));
      await house.connect(await house.register('Константин Вознесенский'));
    },
    show: async (house, viewer, language) => {
      await console_(house, viewer, language);
      await expect(viewer.get('hand-row').first()).toBeVisible();
      await expect(viewer.get('lobby-row').first()).toBeVisible();
    },
  },
  {
    name: 'console-confirm',
    show: async (house, viewer, language) => {
      await console_(house, viewer, language);
      await viewer.get('close-event').first().click();
      await expect(viewer.get('confirm-no')).toBeFocused();
    },
  },
  {
    name: 'console-help',
    show: async (house, viewer, language) => {
      await console_(house, viewer, language);
      await viewer.page.keyboard.press('?');
      await expect(viewer.page.getByRole('dialog')).toBeVisible();
    },
  },
  {
    name: 'console-person',
    show: async (house, viewer, language) => {
      await console_(house, viewer, language);
      await viewer.get('person-more').first().click();
      await expect(viewer.get('person-sheet')).toBeVisible();
    },
  },
  {
    name: 'stage-guest-floor',
    show: async (house, viewer, language) => {
      await listening(house, viewer, language);
      await house.moderator.ask({ do: 'give-floor', person: 'hashmi', limit: 120_000 });
      await expect(viewer.get('guest-floor')).toBeVisible();
    },
  },
  {
    name: 'stage-guest-speaking',
    show: async (house, viewer, language) => {
      await listening(house, viewer, language);
      await house.moderator.ask({ do: 'give-floor', person: 'hashmi', limit: 120_000 });
      await viewer.get('guest-allow').click();
      await expect(viewer.get('mic-button')).toBeVisible();
    },
  },
  {
    name: 'stage-hand-raised',
    act: async (house) => {
      await house.moderator.act({ do: 'give-floor', person: 'ganich', limit: null });
    },
    show: async (house, viewer, language) => {
      await listening(house, viewer, language);
      const hand = viewer.get('hand-button').first();
      if ((await hand.getAttribute('aria-pressed')) !== 'true') await hand.click();
      await expect(hand).toHaveAttribute('aria-pressed', 'true');
    },
  },
  {
    name: 'stage-share',
    act: async (house) => {
      await house.speaker.get('share-button').click();
    },
    show: async (house, viewer, language) => {
      await listening(house, viewer, language);
      await viewer.framesGoOn('screen-picture');
    },
  },
  {
    name: 'console-share',
    show: console_,
  },
  {
    name: 'stage-suspended',
    act: async (house) => {
      await house.moderator.act({ do: 'suspend-event', reason: null });
    },
    show: async (house, viewer, language) => {
      await listening(house, viewer, language);
      await notice('event-suspended')(viewer);
    },
  },
  {
    name: 'console-suspended',
    show: console_,
  },
  {
    name: 'lobby',
    act: async (house) => {
      await house.moderator.act({ do: 'resume-event' });
    },
    show: async (house, viewer, language) => {
      const token = await house.register(`Lobby ${language}`);
      await listen(viewer, `${house.address(`/e/${EVENT}/join`, language)}#${token}`);
      await expect(viewer.get('lobby')).toHaveAttribute('data-why', 'waiting');
    },
  },
  {
    name: 'locked',
    act: async (house) => {
      await house.moderator.act({ do: 'lock' });
    },
    show: async (house, viewer, language) => {
      const token = await house.register(`Locked ${language}`);
      await listen(viewer, `${house.address(`/e/${EVENT}/join`, language)}#${token}`);
      await notice('locked')(viewer);
    },
  },
  {
    name: 'person-suspended',
    act: async (house) => {
      await house.moderator.act({ do: 'suspend-person', person: 'hashmi' });
    },
    show: async (house, viewer, language) => {
      await viewer.open(house.link('hashmi', language));
      await notice('suspended')(viewer);
    },
  },
  {
    name: 'person-removed',
    act: async (house) => {
      await house.moderator.act({ do: 'remove-person', person: 'hashmi' });
    },
    show: async (house, viewer, language) => {
      await viewer.open(house.link('hashmi', language));
      await notice('removed')(viewer);
    },
  },
  {
    name: 'line-lost',
    act: async (house) => {
      await house.moderator.act({ do: 'readmit', person: 'hashmi' });
    },
    show: async (house, viewer, language) => {
      await listening(house, viewer, language);
      await viewer.sees('plenary');
      await viewer.context.setOffline(true);
      await viewer.page.evaluate(() => window.instruments.sockets.forEach((socket) => socket.close()));
      await expect(viewer.get('line-notice')).toBeVisible();
    },
  },
  {
    name: 'stage-closed',
    act: async (house) => {
      await house.moderator.act({ do: 'close-event' });
    },
    show: async (house, viewer, language) => {
      await viewer.open(house.link('hashmi', language));
      await notice('closed')(viewer);
    },
  },
  {
    name: 'console-closed',
    show: async (house, viewer, language) => {
      await viewer.open(house.link('kazi', language));
      await expect(viewer.page.getByRole('main')).toBeVisible();
    },
  },
  {
    name: 'event-closed',
    show: async (house, viewer, language) => viewer.open(house.event(language)),
  },
];

/**
 * Walks through all scenes in the languages given; `visit` sees each screen once it has settled and
 * says what is wrong with it. A scene that cannot be shown is a fault too, and the walk goes on.
 */
export async function walk(
  house: House,
  visit: (scene: Scene, viewer: Person, language: LanguageTag) => Promise<string[]>,
  tags: readonly LanguageTag[] = languages,
): Promise<string[]> {
  const only = process.env['SCENES']?.split(',');
  const faults: string[] = [];
  const { page } = house.viewer;
  for (const scene of scenes) {
    await scene.act?.(house);
    if (only !== undefined && !only.includes(scene.name)) continue;
    for (const language of tags) {
      try {
        await scene.show(house, house.viewer, language);
        await expect(page.locator('html')).toHaveAttribute('lang', language);
        await settled(page);
        faults.push(...(await visit(scene, house.viewer, language)));
      } catch (error) {
        faults.push(`${scene.name} ${language}: ${String(error)}`);
      }
      // The next visit begins as anybody's first, on a line that works.
      await house.viewer.context.setOffline(false);
      await page.evaluate(() => localStorage.clear());
      await page.goto('about:blank');
    }
  }
  return faults;
}
