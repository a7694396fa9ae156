/** The release as it is being edited: the document, what is wrong with it, how it stands. */
import { ApiError, fetchJoin } from '../../api/rest';
import type {
  Acceptance,
  Hash,
  JoinView,
  Language,
  PartyId,
  PressView,
  Recipient,
  RecordCommand,
  ReleaseView,
} from '../../api/types';
import type { Key } from '../../i18n';
import { i18n, t } from '../../state/i18n.svelte';
import { ReleaseApi } from './api';
import { cleaned, type Notes } from './notes';
import { digestOf, type Problem, type ReleaseDocument } from './document';

/** How often the server is asked whether anything changed; nothing changed costs no body. */
const POLL_MS = 2_000;

/** After the last key, before the server looks at the text. */
const CHECK_AFTER_MS = 500;

export type Failure = 'bad-link' | 'no-event' | 'not-yours' | 'offline' | 'undraftable';

export class Editor {
  readonly #event: string;
  readonly #token: string;
  readonly #api: ReleaseApi;

  join: JoinView | null = $state.raw(null);
  view: ReleaseView | null = $state.raw(null);
  document: ReleaseDocument | null = $state.raw(null);
  problems: readonly Problem[] = $state.raw([]);
  /** Texts of the document that somebody answers for, by language, paragraph and run. */
  accepted: ReadonlyMap<string, Acceptance> = $state.raw(new Map());
  failure: Failure | null = $state(null);
  /** What the last act was refused for, in the person's language. */
  refused: string | null = $state(null);
  busy = $state(false);
  checking = $state(false);
  /** The version whose text was edited on; `null` for a fresh draft. */
  base: Hash | null = $state(null);

  /** The notes as they were read or saved last; `null` when there are none. */
  notes: Notes | null = $state.raw(null);
  /** The text that a draft made anew has replaced. */
  replaced: { document: ReleaseDocument; known: ReleaseDocument | null; base: Hash | null } | null = $state.raw(null);
  style: 'council' | 'agency' = $state('council');

  /** Which notes were read or saved last. */
  #notesHash: Hash | null = $state(null);
  /** The document as it was read or saved last. */
  #known: ReleaseDocument | null = $state.raw(null);
  #checkTimer: ReturnType<typeof setTimeout> | undefined;
  #pollTimer: ReturnType<typeof setTimeout> | undefined;
  #checks = 0;
  #gone = false;

  constructor(event: string, token: string) {
    this.#event = event;
    this.#token = token;
    this.#api = new ReleaseApi(event, token);
  }

  readonly changed = $derived(JSON.stringify(this.document) !== JSON.stringify(this.#known));
  /** The text on the screen is the last version, which parties approve and issue. */
  readonly isLast = $derived(!this.changed && this.base !== null && this.base === this.view?.last?.document);
  /** Somebody saved a version after the one that is edited here. */
  readonly overtakenBy = $derived(
    this.view?.last && this.base !== this.view.last.document ? (this.view.versions.at(-1) ?? null) : null,
  );
  /** Somebody saved other notes than those that were read here. */
  readonly notesOvertaken = $derived(this.view !== null && this.view.notes !== this.#notesHash);
  readonly languages: Language[] = $derived.by(() => {
    const there = Object.keys(this.document?.versions ?? {});
    const order = this.join?.event.languages ?? [];
    return there.sort((one, other) => order.indexOf(one) - order.indexOf(other));
  });
  /** For which party the person approves and issues; `null` when for none. */
  readonly party: PartyId | null = $derived.by(() => {
    const person = this.join?.you.person;
    if (!person?.roles.some((role) => role === 'organiser' || role === 'co-organiser')) return null;
    const first = person.roles.includes('organiser') ? this.view?.parties[0] : undefined;
    return person.party ?? first ?? null;
  });

  async start(): Promise<void> {
    this.failure = null;
    try {
      await i18n.need('desk');
      this.join = await fetchJoin(this.#event, this.#token);
      this.view = await this.#api.view();
      await this.readNotes();
      const last = this.view?.last;
      if (last) this.#take(await this.#api.document(last.document), last.document);
      else this.#take(await this.#api.draft('council'), null);
      this.#poll();
    } catch (error) {
      this.failure = failureOf(error);
    }
  }

  stop(): void {
    this.#gone = true;
    clearTimeout(this.#pollTimer);
    clearTimeout(this.#checkTimer);
  }

  edit(change: (document: ReleaseDocument) => ReleaseDocument): void {
    if (this.document === null) return;
    this.document = change(this.document);
    this.#checkSoon();
  }

  /** A fresh draft from what is known now. */
  draft = (style: 'council' | 'agency'): Promise<boolean> =>
    this.#act(async () => {
      this.style = style;
      await this.#anew();
    });

  /** The text that stood here before the last draft. */
  undo = (): void => {
    const before = this.replaced;
    if (before === null) return;
    this.replaced = null;
    [this.document, this.#known, this.base] = [before.document, before.known, before.base];
    this.#checkSoon(0);
  };

  /** Reads the notes that the proceedings name last. */
  async readNotes(): Promise<void> {
    const hash = this.view?.notes ?? null;
    [this.notes, this.#notesHash] = [hash === null ? null : await this.#api.notes(hash), hash];
  }

  /** Saves the notes for everybody at the desk and, if wanted, makes the draft anew from them. */
  saveNotes = (notes: Notes, anew: boolean): Promise<boolean> =>
    this.#act(async () => {
      await this.#api.putNotes(cleaned(notes));
      await this.#look();
      await this.readNotes();
      if (anew) await this.#anew();
    });

  open = (hash: Hash): Promise<boolean> =>
    this.#act(async () => this.#take(await this.#api.document(hash), hash));

  /** A version's document, to be looked at beside others. */
  read = (hash: Hash): Promise<ReleaseDocument> => this.#api.document(hash);

  /** To whom the release is mailed, for organisers; `null` when it cannot be read now. */
  pressList = (): Promise<PressView | null> => this.#api.pressList().catch(() => null);

  savePressList = (recipients: Recipient[]): Promise<boolean> =>
    this.#act(() => this.#api.putPressList({ recipients }));

  mailAgain = (notice: string, address: string): Promise<boolean> =>
    this.#act(() => this.#api.mailAgain({ notice, address }));

  save = (): Promise<boolean> => this.#act(() => this.#save());

  command = (command: RecordCommand): Promise<boolean> => this.#act(() => this.#api.command(command));

  /** Answers for a text. The server knows only texts of saved versions, so the version is saved first. */
  accept = (text: Hash, reason: string): Promise<boolean> =>
    this.#act(async () => {
      if (!this.isLast) await this.#save();
      await this.#api.command({ do: 'accept-unbound-text', text, reason });
    });

  async #anew(): Promise<void> {
    const [document, known, base] = [this.document, this.#known, this.base];
    this.#take(await this.#api.draft(this.style), null);
    this.replaced = document === null ? null : { document, known, base };
  }

  async #save(): Promise<void> {
    const document = this.document;
    if (document === null) return;
    const { document: hash } = await this.#api.save(document);
    this.replaced = null;
    [this.#known, this.base] = [document, hash];
  }

  #take(document: ReleaseDocument, hash: Hash | null): void {
    // A fresh draft is nowhere yet: it counts as changed until it is saved.
    [this.document, this.#known, this.base] = [document, hash === null ? null : document, hash];
    this.replaced = null;
    this.#checkSoon(0);
  }

  async #act(act: () => Promise<unknown>): Promise<boolean> {
    if (this.busy) return false;
    [this.busy, this.refused] = [true, null];
    try {
      await act();
      return true;
    } catch (error) {
      await i18n.need('later');
      this.refused = sentenceOf(error);
      return false;
    } finally {
      await this.#look();
      this.#checkSoon(0);
      this.busy = false;
    }
  }

  #poll(): void {
    if (this.#gone) return;
    this.#pollTimer = setTimeout(() => void this.#look().then(() => this.#poll()), POLL_MS);
  }

  async #look(): Promise<void> {
    const view = await this.#api.view().catch((error: unknown) => {
      const failure = failureOf(error);
      // Out of reach for a moment; what was written stays on the screen.
      if (failure !== 'offline') this.failure = failure;
      return null;
    });
    if (view === null || this.#gone) return;
    this.view = view;
    this.#checkSoon();
  }

  #checkSoon(after = CHECK_AFTER_MS): void {
    clearTimeout(this.#checkTimer);
    if (!this.#gone) this.#checkTimer = setTimeout(() => void this.#check(), after);
  }

  async #check(): Promise<void> {
    const document = this.document;
    if (document === null) return;
    const mine = ++this.#checks;
    this.checking = true;
    try {
      const [problems, accepted] = await Promise.all([this.#api.check(document), this.#answeredFor(document)]);
      if (mine === this.#checks) [this.problems, this.accepted] = [problems, accepted];
    } catch (error) {
      if (mine !== this.#checks) return;
      await i18n.need('later');
      this.refused = sentenceOf(error);
    } finally {
      if (mine === this.#checks) this.checking = false;
    }
  }

  async #answeredFor(document: ReleaseDocument): Promise<Map<string, Acceptance>> {
    const found = new Map<string, Acceptance>();
    const known = this.view?.accepted ?? {};
    // Without a secure context there is no hashing here; texts are then marked by the server alone.
    if (Object.keys(known).length === 0 || !('subtle' in crypto)) return found;
    for (const [language, { blocks }] of Object.entries(document.versions)) {
      for (const [block, { runs }] of blocks.entries()) {
        for (const [run, one] of runs.entries()) {
          const acceptance = known[await digestOf(language, one)];
          if (acceptance) found.set(`${language} ${block} ${run}`, acceptance);
        }
      }
    }
    return found;
  }
}

function failureOf(error: unknown): Failure {
  const { status, code } = error instanceof ApiError ? error : { status: 0, code: 'network' };
  if (code === 'undraftable') return 'undraftable';
  if (status === 404) return 'no-event';
  if (status === 403) return 'not-yours';
  return status === 401 || status === 400 ? 'bad-link' : 'offline';
}

/** The sentence of a refusal in the person's language; the server's own for what has none. */
function sentenceOf(error: unknown): string {
  if (!(error instanceof ApiError)) return String(error);
  if (error.code === 'network') return t('common.offline');
  const [own, common] = [`record.refused.${error.code}`, `refusal.${error.code}`] as Key[];
  if (own !== undefined && t(own) !== own) return t(own);
  if (common !== undefined && t(common) !== common) return t('release.not_done', { reason: t(common) });
  return error.message;
}
