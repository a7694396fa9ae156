/** The captions of an event as this page has seen them, and how the viewer likes them. Fetched only
 * by those who read captions. */
import { untrack } from 'svelte';
import { chosenLanguage, follow, readWishes, type Kept, type Wishes } from './captions';
import { i18n } from '../state/i18n.svelte';
import type { LiveStore } from '../state/live.svelte';

const SAVED = 'plenary.caption-wishes';

class CaptionWishes {
  now: Wishes = $state(readWishes(saved()));

  /** Changes a wish; it is kept on the viewer's machine. */
  set(change: Partial<Wishes>): void {
    this.now = { ...this.now, ...change };
    try {
      localStorage.setItem(SAVED, JSON.stringify(this.now));
    } catch {
      // Storage may be forbidden; then the wish holds for this visit.
    }
  }
}

export const wishes = new CaptionWishes();

export class CaptionStore {
  /** Lines of all languages, as long as this page has been open. */
  lines: readonly Kept[] = $state.raw([]);

  readonly #live: LiveStore;
  /** Follows the event no more. */
  readonly destroy: () => void;

  constructor(live: LiveStore) {
    this.#live = live;
    this.destroy = $effect.root(() => {
      $effect(() => {
        const { captions, programme, recordStatus } = live;
        this.lines = follow(
          untrack(() => this.lines),
          captions,
          programme.current,
          recordStatus,
        );
      });
    });
  }

  /** In which language the viewer reads. */
  get language(): string {
    return chosenLanguage(wishes.now.language, i18n.language, this.#live.event.languages);
  }
}

const stores = new WeakMap<LiveStore, CaptionStore>();

/** The captions of an event, one store for all places of the page. */
export function captionsOf(live: LiveStore): CaptionStore {
  let store = stores.get(live);
  if (store === undefined) stores.set(live, (store = new CaptionStore(live)));
  return store;
}

function saved(): string | null {
  try {
    return localStorage.getItem(SAVED);
  } catch {
    return null;
  }
}
