/**
 * Keeps the focus where it was when the control that had it is gone: a person who works by
 * keyboard and admits one goes on with the next, instead of falling to the top of the page.
 */

/** What can have the focus in a list. */
const CONTROLS = 'button:not(:disabled), input:not(:disabled)';

/**
 * An attachment for a list. With `near` the control that has moved up gets the focus; without, the
 * list itself does, so that a second press of Enter does nothing.
 */
export const keepFocus =
  (near: boolean) =>
  (list: HTMLElement): (() => void) => {
    let place = -1;
    const controls = (): HTMLElement[] => [...list.querySelectorAll<HTMLElement>(CONTROLS)];
    const came = ({ target }: FocusEvent): void => {
      place = controls().indexOf(target as HTMLElement);
    };
    const left = ({ target }: FocusEvent): void => {
      // Who leaves by themselves is let go; whose control is taken away is not.
      queueMicrotask(() => {
        if ((target as HTMLElement).isConnected && !list.contains(document.activeElement)) place = -1;
      });
    };
    const changed = new MutationObserver(() => {
      if (place < 0 || document.activeElement !== document.body) return;
      const found = near ? controls() : [];
      (found[Math.min(place, found.length - 1)] ?? list).focus();
    });
    list.addEventListener('focusin', came);
    list.addEventListener('focusout', left);
    changed.observe(list, { childList: true, subtree: true });
    return () => {
      changed.disconnect();
      list.removeEventListener('focusin', came);
      list.removeEventListener('focusout', left);
    };
  };
