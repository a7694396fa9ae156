/** Figures that tests measure on their way: printed, and kept for `npm run figures`. */
import { appendFileSync } from 'node:fs';

/** Prints a figure; with PLENARY_FIGURES=FILE it is also appended there as a line of JSON. */
export function figure(what: string, value: number, unit: string): void {
  console.log(`figure: ${what}: ${value.toFixed(value < 10 ? 2 : 0)} ${unit}`);
  const file = process.env['PLENARY_FIGURES'];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ what, value, unit })}\n`);
}
