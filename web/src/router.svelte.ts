import { parseRoute, type Route } from './router';

/** Addresses that the server answers itself. */
const SERVERS = /^\/(api|e\/[^/]+\/release)\b/;

const here = (): Route => parseRoute(location.pathname, location.hash);

class Router {
  /** The route that the address bar shows. */
  route: Route = $state(here());

  constructor() {
    addEventListener('popstate', () => (this.route = here()));
    addEventListener('hashchange', () => (this.route = here()));
    document.addEventListener('click', (event) => this.#follow(event));
  }

  /** Goes to an address of this client. */
  go(path: string): void {
    history.pushState(null, '', path);
    this.route = here();
    scrollTo(0, 0);
  }

  /** Links stay ordinary links; only plain clicks on ones of our own pages are taken over. */
  #follow(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest?.('a');
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (SERVERS.test(link.pathname)) return;
    // A link within the page (the skip link) is the browser's.
    if (link.hash && link.pathname === location.pathname) return;
    event.preventDefault();
    this.go(link.pathname + link.search + link.hash);
  }
}

export const router = new Router();
