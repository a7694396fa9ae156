/** Which of the record's screens are offered to whom. The server decides. */
import type { You } from '../../api/types';

/** Reads and edits statements: docs/RECORD.md, "Who may what". */
export const worksAtDesk = ({ person }: You): boolean =>
  person.roles.some((role) => ['organiser', 'co-organiser', 'moderator', 'rapporteur'].includes(role));
