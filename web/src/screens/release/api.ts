/** What the release editor asks the server (docs/RECORD.md). */
import { ApiError } from '../../api/rest';
import type {
  ErrorBody,
  Hash,
  MailAgain,
  PressList,
  PressView,
  RecordCommand,
  ReleaseView,
  VersionSaved,
} from '../../api/types';
import type { Problem, ReleaseDocument } from './document';
import type { Notes } from './notes';

/** Drafting reads every statement; on a thin line an answer of 200 KB takes its time. */
const ANSWER_TIMEOUT_MS = 30_000;

/** One event as seen by the holder of one personal link. */
export class ReleaseApi {
  readonly #base: string;
  readonly #token: string;
  #tag: string | null = null;

  constructor(event: string, token: string) {
    this.#base = `/api/events/${event}`;
    this.#token = token;
  }

  /** How the release stands; `null` when nothing changed since the last time. */
  async view(): Promise<ReleaseView | null> {
    const headers = this.#tag === null ? {} : { 'if-none-match': this.#tag };
    const response = await this.#ask('/release', { headers, cache: 'no-store' });
    if (response.status === 304) return null;
    this.#tag = response.headers.get('etag');
    return (await response.json()) as ReleaseView;
  }

  draft = async (style: 'council' | 'agency'): Promise<ReleaseDocument> =>
    (await (await this.#ask(`/release/draft?style=${style}`)).json()) as ReleaseDocument;

  document = async (hash: Hash): Promise<ReleaseDocument> =>
    (await (await this.#ask(`/release/documents/${hash}`)).json()) as ReleaseDocument;

  check = async (document: ReleaseDocument): Promise<Problem[]> =>
    (await (await this.#send('/release/check', document)).json()) as Problem[];

  save = async (document: ReleaseDocument): Promise<VersionSaved> =>
    (await (await this.#send('/release/versions', document)).json()) as VersionSaved;

  notes = async (hash: Hash): Promise<Notes> =>
    (await (await this.#ask(`/release/documents/${hash}`)).json()) as Notes;

  pressList = async (): Promise<PressView> => (await (await this.#ask('/press-list')).json()) as PressView;

  async putPressList(list: PressList): Promise<void> {
    await this.#send('/press-list', list, 'PUT');
  }

  async mailAgain(again: MailAgain): Promise<void> {
    await this.#send('/press-list/again', again);
  }

  async putNotes(notes: Notes): Promise<void> {
    await this.#send('/release/notes', notes, 'PUT');
  }

  async command(command: RecordCommand): Promise<void> {
    await this.#send('/commands', command);
  }

  #send(path: string, body: unknown, method: 'POST' | 'PUT' = 'POST'): Promise<Response> {
    const headers = { 'content-type': 'application/json' };
    return this.#ask(path, { method, headers, body: JSON.stringify(body) });
  }

  async #ask(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { ...init.headers, authorization: `Bearer ${this.#token}` };
    let response: Response;
    try {
      response = await fetch(this.#base + path, { ...init, headers, signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
    } catch {
      throw new ApiError(0, 'network', 'The server does not answer.');
    }
    if (response.ok || response.status === 304) return response;
    const body = (await response.json().catch(() => null)) as ErrorBody | null;
    throw new ApiError(response.status, body?.error ?? 'unknown', body?.message ?? response.statusText);
  }
}
