/**
 * Brings the record page to life: an address leads to its second, the transcript follows the sound
 * and is searched, keys move. The server has written the page, and it is complete without this.
 */
import './page.css';
import { lastBefore, locate, momentAt, momentOf, places, type Stretch } from './place';

/** One press of an arrow. */
const STEP_MS = 5_000;

/** Places that a search marks: a page full of marks helps nobody. */
const MARKS_MAX = 1_000;

/** So long the transcript stays where a reader has scrolled it. */
const READING_MS = 6_000;

const find = <T extends Element = HTMLElement>(selector: string): T | null => document.querySelector<T>(selector);
const all = <T extends Element = HTMLElement>(selector: string): T[] => [...document.querySelectorAll<T>(selector)];
const msOf = (element: HTMLElement, name: 't' | 'until'): number => Math.round(Number(element.dataset[name]) * 1_000);

const opened = Number(document.body.dataset['opened']);
const clock = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
  timeZone: document.body.dataset['zone'] || 'UTC',
});

const players = all<HTMLMediaElement>('[data-spans]');
const files = players.map((player) => JSON.parse(player.dataset['spans'] ?? '[]') as Stretch[]);
const lines = all('.said[data-t]');
const starts = lines.map((line) => msOf(line, 't'));
const text = find('#text');
const parts = all('.parts li[data-t]');

let current = 0;
let read = -Infinity;

// The player.

const moment = (): number => {
  const player = players[current];
  return player === undefined ? 0 : momentAt(files[current] ?? [], player.currentTime * 1_000);
};

function choose(file: number): HTMLMediaElement | undefined {
  if (file !== current) players[current]?.pause();
  current = file;
  for (const [index, player] of players.entries()) player.closest('figure')!.hidden = index !== file;
  return players[file];
}

/** Goes to a moment; the file is fetched only now if it has not been looked into. */
function seek(to: number, play: boolean): void {
  const place = locate(files, to);
  if (place === null) return;
  const player = choose(place.file);
  if (player === undefined) return;
  const go = (): void => {
    player.currentTime = place.at / 1_000;
    if (play) void player.play().catch(() => undefined);
  };
  if (player.readyState >= HTMLMediaElement.HAVE_METADATA) go();
  else {
    player.addEventListener('loadedmetadata', go, { once: true });
    if (player.preload === 'none') {
      player.preload = 'metadata';
      player.load();
    }
  }
  follow(to);
}

function toggle(): void {
  const player = players[current];
  if (player?.paused) void player.play().catch(() => undefined);
  else player?.pause();
}

const fragment = (at: number): string => `#t=${Math.round(at) / 1_000}`;

/** Marks what is heard now and keeps it in sight, unless the reader is elsewhere in the text. */
function follow(at: number): void {
  const output = find('#clock');
  if (output !== null) output.textContent = clock.format(opened + at);
  const index = lastBefore(starts, at);
  const line = lines[index];
  const heard = line !== undefined && at < Math.max(msOf(line, 'until'), starts[index + 1] ?? 0) ? line : undefined;
  for (const other of all('.said.here')) if (other !== heard) other.classList.remove('here');
  if (heard !== undefined && !heard.classList.contains('here')) {
    heard.classList.add('here');
    reveal(heard);
  }
  for (const part of parts) {
    const here = at >= msOf(part, 't') && at < msOf(part, 'until');
    part.classList.toggle('here', here);
    if (here) part.querySelector('a')?.setAttribute('aria-current', 'true');
    else part.querySelector('a')?.removeAttribute('aria-current');
  }
}

/** Scrolls the text, never the page. */
function reveal(element: Element, always = false): void {
  if (text === null || (!always && performance.now() - read < READING_MS)) return;
  const [inner, outer] = [element.getBoundingClientRect(), text.getBoundingClientRect()];
  const top = text.scrollTop + inner.top - outer.top - (outer.height - inner.height) / 3;
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  text.scrollTo({ top, behavior: calm ? 'instant' : 'smooth' });
}

for (const name of ['wheel', 'touchmove', 'keydown', 'pointerdown']) {
  text?.addEventListener(name, () => (read = performance.now()), { passive: true });
}

for (const [index, player] of players.entries()) {
  player.addEventListener('timeupdate', () => {
    if (index === current) follow(moment());
  });
  player.addEventListener('ended', () => {
    if (index === current && index + 1 < players.length) seek(files[index + 1]?.[0]?.[1] ?? 0, true);
  });
  for (const name of ['play', 'pause', 'ended']) player.addEventListener(name, showPlaying);
  player.addEventListener('loadedmetadata', () => {
    const sound = player instanceof HTMLVideoElement && player.videoWidth === 0;
    player.classList.toggle('sound', sound);
  });
}

const button = find<HTMLButtonElement>('#play');
const playLabel = button?.textContent ?? '';
function showPlaying(): void {
  if (button === null) return;
  const playing = players[current]?.paused === false;
  button.textContent = playing ? (button.dataset['pause'] ?? '') : playLabel;
}
button?.addEventListener('click', toggle);

// Captions: the reader's choice holds for every file.

const captions = find<HTMLSelectElement>('#captions');
function showCaptions(): void {
  for (const player of players) {
    for (const track of player.textTracks) {
      if (track.kind === 'captions') track.mode = track.language === captions?.value ? 'showing' : 'disabled';
    }
  }
}
captions?.addEventListener('change', showCaptions);

// The address of this second.

const copy = find<HTMLButtonElement>('#copy');
const copyLabel = copy?.textContent ?? '';
copy?.addEventListener('click', async () => {
  const address = location.origin + location.pathname + fragment(Math.floor(moment() / 1_000) * 1_000);
  history.replaceState(null, '', address);
  try {
    await navigator.clipboard.writeText(address);
    copy.textContent = copy.dataset['done'] ?? '';
    setTimeout(() => (copy.textContent = copyLabel), 3_000);
  } catch {
    // Where the clipboard is forbidden the address stands in the browser's own field, and here.
    const field = document.createElement('input');
    field.readOnly = true;
    field.value = address;
    field.setAttribute('aria-label', copyLabel);
    copy.replaceWith(field);
    field.select();
  }
});

// Every time leads to its second of the recording.

for (const time of all<HTMLAnchorElement>('[data-t] > a.at')) {
  time.href = fragment(msOf(time.parentElement!, 't'));
}

document.addEventListener('click', (event) => {
  if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const target = event.target instanceof Element ? event.target : null;
  const place = target?.closest<HTMLElement>('[data-t]');
  if (place == null || players.length === 0) return;
  // Who marks a sentence to copy it does not want to be taken away.
  if (target?.closest('a') == null && getSelection()?.isCollapsed === false) return;
  event.preventDefault();
  const at = msOf(place, 't');
  read = -Infinity;
  history.replaceState(null, '', fragment(at));
  seek(at, true);
  const anchor = place.querySelector('a')?.hash;
  const part = place.closest('.parts') && anchor ? document.getElementById(anchor.slice(1)) : null;
  if (part) reveal(part, true);
  if (place.closest('.statements')) find('.hall')?.scrollIntoView({ block: 'start' });
});

function arrive(): void {
  const at = momentOf(location.hash);
  if (at === null || players.length === 0) return;
  read = -Infinity;
  seek(at, false);
  const marked = document.getElementById(location.hash.slice(1));
  for (const other of all('.wanted')) other.classList.remove('wanted');
  marked?.classList.add('wanted');
  // The browser has gone to the sentence; the sound is above it.
  requestAnimationFrame(() => find('.hall')?.scrollIntoView({ block: 'start' }));
}
addEventListener('hashchange', arrive);

// Search.

const wanted = find<HTMLInputElement>('#wanted');
const found = find<HTMLOutputElement>('#found');
const sentences = all('.said .words').map((element) => ({ element, text: element.textContent }));
let marks: HTMLElement[] = [];
let chosen = 0;

function search(): void {
  marks = [];
  chosen = 0;
  for (const { element, text } of sentences) {
    const hits = marks.length < MARKS_MAX ? places(text, wanted?.value ?? '') : [];
    if (hits.length === 0) {
      if (element.childElementCount > 0) element.textContent = text;
      continue;
    }
    const nodes: (string | HTMLElement)[] = [];
    let from = 0;
    for (const [start, end] of hits) {
      const mark = document.createElement('mark');
      mark.textContent = text.slice(start, end);
      nodes.push(text.slice(from, start), mark);
      marks.push(mark);
      from = end;
    }
    element.replaceChildren(...nodes, text.slice(from));
  }
  show(0);
}

function show(index: number): void {
  marks[chosen]?.classList.remove('chosen');
  chosen = marks.length === 0 ? 0 : (index + marks.length) % marks.length;
  const mark = marks[chosen];
  if (found !== null) {
    const counted = (found.dataset['found'] ?? '').replace('{n}', String(chosen + 1)).replace('{total}', String(marks.length));
    found.textContent = mark ? counted : wanted?.value.trim() ? (found.dataset['none'] ?? '') : '';
  }
  if (mark === undefined) return;
  mark.classList.add('chosen');
  read = performance.now();
  reveal(mark, true);
}

wanted?.addEventListener('input', search);
wanted?.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && wanted.value !== '') {
    event.preventDefault();
    wanted.value = '';
    search();
  } else if (event.key === 'Enter' && event.shiftKey) {
    event.preventDefault();
    show(chosen - 1);
  }
});
find<HTMLFormElement>('#search')?.addEventListener('submit', (event) => {
  event.preventDefault();
  show(chosen + 1);
});
find('#previous')?.addEventListener('click', () => show(chosen - 1));

// Keys, where nothing that has the focus wants them.

document.addEventListener('keydown', (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target instanceof Element ? event.target : null;
  if (target?.matches('input, select, textarea, video, audio') === true) return;
  const move = { ArrowLeft: -STEP_MS, ArrowRight: STEP_MS }[event.key];
  if (event.key === '/') wanted?.focus();
  else if (event.key === ' ' && target?.closest('button, a, summary') == null && players.length > 0) toggle();
  else if (move !== undefined && players.length > 0) seek(Math.max(0, moment() + move), players[current]?.paused === false);
  else return;
  event.preventDefault();
});

if (players.length > 0) {
  choose(0);
  find('#tools')!.hidden = false;
  for (const part of parts) part.style.flexGrow = String(Math.max(1, msOf(part, 'until') - msOf(part, 't')));
  document.documentElement.classList.add('plays');
  follow(files[0]?.[0]?.[1] ?? 0);
  showCaptions();
}
if (sentences.length > 0) find('#search')!.hidden = false;
arrive();
