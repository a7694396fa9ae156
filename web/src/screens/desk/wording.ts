/** What the editor has to send: the difference between a statement and what stands in the fields. Pure. */
import type { Language, RecordCommand, ReportingVerb, Statement, Wording } from '../../api/types';

/** A wording as it stands in the fields. */
export interface Draft {
  form: Wording['form'];
  text: string;
  corrected_by_ear: boolean;
}

/** Languages that a statement is worded in: the one it was spoken in first, then the event's. */
export const languagesOf = (statement: Statement, event: readonly Language[]): Language[] => [
  ...new Set([statement.language, ...event, ...Object.keys(statement.wordings)]),
];

export const draftOf = (wording: Wording | undefined): Draft => ({
  form: wording?.form ?? 'indirect',
  text: wording?.text ?? '',
  corrected_by_ear: wording?.form === 'verbatim' && wording.corrected_by_ear,
});

/** The wording that the fields mean; empty fields mean none. */
export function wordingOf({ form, text, corrected_by_ear }: Draft): Wording | null {
  const words = text.trim();
  if (words === '') return null;
  return form === 'indirect' ? { form, text: words } : { form, text: words, corrected_by_ear };
}

const same = (one: Wording | null, other: Wording | null): boolean =>
  JSON.stringify(one && draftOf(one)) === JSON.stringify(other && draftOf(other));

/** The edits, each without its revision: it is the statement's when the edit is sent. */
export function edits(
  statement: Statement,
  verb: ReportingVerb | null,
  drafts: Readonly<Record<Language, Draft>>,
): Extract<RecordCommand, { do: 'edit-statement' }>['edit'][] {
  const changed: ReturnType<typeof edits> = [];
  if (verb !== null && verb !== statement.verb) changed.push({ change: 'verb', verb });
  for (const [language, draft] of Object.entries(drafts)) {
    const wording = wordingOf(draft);
    if (!same(wording, statement.wordings[language] ?? null)) changed.push({ change: 'wording', language, wording });
  }
  return changed;
}
