/** The player: one element that plays whichever file holds the moment, by the event's clock. */
import type { RecordingsView, Timestamp } from '../../api/types';
import { pieceAfter, pieceAt, pieces, shuttle, sources, type Piece, type ShuttleKey, type Source } from './sound';

/** How often the moment is read from the element while it plays. */
const LOOK_EVERY_MS = 100;

export class Player {
  /** The moment that is heard. */
  at: Timestamp = $state(0);
  playing = $state(false);
  rate = $state(1);
  /** The file that was wanted cannot be played. */
  failed = $state(false);
  recordings: RecordingsView = $state.raw({ programme: [], takes: [], store: null });
  /** What the person chose to listen to; else the first that there is. */
  chosen: Source | null = $state(null);

  readonly sources: Source[] = $derived(sources(this.recordings));
  readonly source: Source | null = $derived(
    this.chosen !== null && this.sources.includes(this.chosen) ? this.chosen : (this.sources[0] ?? null),
  );
  readonly pieces: Piece[] = $derived(this.source === null ? [] : pieces(this.recordings, this.source));
  readonly piece: Piece | null = $derived(pieceAt(this.pieces, this.at));

  #element: HTMLVideoElement | null = null;
  #loaded: Piece | null = null;
  #until: Timestamp | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Takes charge of an element; the answer lets it go. */
  attach(element: HTMLVideoElement): () => void {
    this.#element = element;
    const ended = () => this.#pieceEnded();
    const failed = () => {
      if (element.getAttribute('src') === null) return;
      this.failed = true;
      this.stop();
    };
    element.addEventListener('ended', ended);
    element.addEventListener('error', failed);
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    return () => {
      clearInterval(this.#timer);
      element.removeEventListener('ended', ended);
      element.removeEventListener('error', failed);
      element.pause();
      element.removeAttribute('src');
      element.load();
      this.#element = null;
      this.#loaded = null;
    };
  }

  /** Goes to a moment and goes on as before. */
  seek(at: Timestamp): void {
    this.at = at;
    this.#until = null;
    this.#place();
  }

  choose(source: Source): void {
    this.chosen = source;
    this.failed = false;
    this.#place();
  }

  /** Plays a passage from its beginning to its end. */
  hear(from: Timestamp, until: Timestamp): void {
    this.seek(from);
    this.#until = until;
    this.#set({ playing: true, rate: 1 });
  }

  stop(): void {
    this.#set({ playing: false, rate: 1 });
  }

  press(key: ShuttleKey): void {
    const { next, jump } = shuttle({ playing: this.playing, rate: this.rate }, key);
    if (jump !== 0) this.seek(this.at + jump);
    if (!next.playing) this.#until = null;
    this.#set(next);
  }

  #set({ playing, rate }: { playing: boolean; rate: number }): void {
    this.playing = playing && this.pieces.length > 0;
    this.rate = rate;
    this.#place();
  }

  /** Brings the element to the moment. Where nothing was recorded the sound goes on after the gap. */
  #place(): void {
    const element = this.#element;
    if (element === null) return;
    let piece = this.piece;
    if (piece === null && this.playing) {
      piece = pieceAfter(this.pieces, this.at);
      if (piece === null) this.playing = false;
      else this.at = piece.from;
    }
    if (piece === null) {
      element.pause();
      return;
    }
    const place_s = (piece.at + this.at - piece.from) / 1000;
    if (this.#loaded === null || fileOf(this.#loaded) !== fileOf(piece)) {
      this.failed = false;
      element.src = piece.url;
    }
    this.#loaded = piece;
    // Setting the place before the file is known is kept by the element until it is.
    if (Math.abs(element.currentTime - place_s) > 0.15) element.currentTime = place_s;
    element.playbackRate = this.rate;
    if (!this.playing) element.pause();
    else if (element.paused) element.play().catch((error: unknown) => this.#refused(error));
  }

  #refused(error: unknown): void {
    // A play that a later load or pause took back is no failure.
    if (error instanceof DOMException && error.name === 'AbortError') return;
    this.playing = false;
    if (error instanceof DOMException && error.name === 'NotSupportedError') this.failed = true;
  }

  #look(): void {
    const element = this.#element;
    const piece = this.#loaded;
    if (!this.playing || element === null || piece === null || element.seeking || element.readyState < 2) return;
    this.at = piece.from + element.currentTime * 1000 - piece.at;
    if (this.#until !== null && this.at >= this.#until) {
      this.at = this.#until;
      this.#until = null;
      this.stop();
    } else if (piece.until !== null && this.at >= piece.until) {
      this.#pieceEnded();
    }
  }

  #pieceEnded(): void {
    const after = this.#loaded === null ? null : pieceAfter(this.pieces, this.#loaded.from);
    if (!this.playing || after === null) {
      this.stop();
      return;
    }
    this.at = after.from;
    this.#place();
  }
}

/** The file without its ticket: a new ticket is no reason to load it anew. */
const fileOf = (piece: Piece): string => piece.url.replace(/\?.*$/, '');
