/** Figures that tests measure on their way: printed, and kept for `npm run figures`. */
import { appendFileSync } from 'node:fs';

/** Prints a figure; with PLENARY_FIGURES=FILE it is also appended there as a line of JSON. */
export function figure(what: string, value: number, unit: string): void {
  console.log(`figure: ${what}: ${value.toFixed(value < 10 ? 2 : 0)} ${unit}`);
  const file = process.env['PLENARY_FIGURES'];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ what, value, unit })}\n`);
}

/** Prints median, smallest and largest of several measurements, and keeps the median. */
export function spread(what: string, values: number[], unit: string): void {
  const sorted = [...values].sort((a, b) => a - b);
  const show = (value: number) => value.toFixed(0);
  console.log(
    `${what}: ${values.length} times, ${show(sorted[0]!)} to ${show(sorted.at(-1)!)} ${unit}`,
  );
  figure(`${what}, median`, sorted[Math.floor(sorted.length / 2)]!, unit);
}
