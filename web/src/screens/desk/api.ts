/** The calls of the record's screens (docs/RECORD.md). No user interface here. */
import { ApiError } from '../../api/rest';
import type {
  ClearanceView,
  CommandAccepted,
  ErrorBody,
  RecordCommand,
  RecordingsView,
  StatementsView,
  TranscriptView,
} from '../../api/types';

/** An answer slower than this is treated as none; the screens ask again. */
const ANSWER_TIMEOUT_MS = 15_000;

interface Views {
  transcript: TranscriptView;
  statements: StatementsView;
  clearance: ClearanceView;
  recordings: RecordingsView;
}

export class RecordApi {
  readonly #event: string;
  readonly #token: string;
  readonly #tags = new Map<string, string>();

  constructor(event: string, token: string) {
    this.#event = event;
    this.#token = token;
  }

  /** A view of the record; `null` when nothing changed since it was read last. */
  async read<Name extends keyof Views>(name: Name, query = '', next = false): Promise<Views[Name] | null> {
    // The next part of a long answer has the tag of the part before.
    const tag = next ? undefined : this.#tags.get(name);
    const response = await this.#call(name + query, tag === undefined ? {} : { headers: { 'if-none-match': tag } });
    if (response.status === 304) return null;
    const fresh = response.headers.get('etag');
    const view = (await response.json()) as Views[Name];
    if (fresh !== null) this.#tags.set(name, fresh);
    return view;
  }

  /** Sends a command; resolves when it is on the server's disk. */
  async command(command: RecordCommand): Promise<CommandAccepted> {
    const response = await this.#call('commands', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(command),
    });
    return (await response.json()) as CommandAccepted;
  }

  async #call(path: string, init: RequestInit): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(`/api/events/${this.#event}/${path}`, {
        ...init,
        // The screens keep the tags themselves; a cached answer would hide that nothing changed.
        cache: 'no-store',
        headers: { ...(init.headers as Record<string, string>), authorization: `Bearer ${this.#token}` },
        signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      });
    } catch {
      throw new ApiError(0, 'network', 'The server does not answer.');
    }
    if (response.ok || response.status === 304) return response;
    const body = (await response.json().catch(() => null)) as ErrorBody | null;
    throw new ApiError(response.status, body?.error ?? 'unknown', body?.message ?? response.statusText);
  }
}
