/** The desks that a person may open beside the event; nothing is loaded for who has none. */
import { i18n } from '../../state/i18n.svelte';
import type { LiveStore } from '../../state/live.svelte';

export async function papers(live: LiveStore) {
  if (live.you.person.roles.every((role) => role === 'participant')) return null;
  const [{ default: Papers }] = await Promise.all([import('../../components/Papers.svelte'), i18n.need('later')]);
  return Papers;
}
