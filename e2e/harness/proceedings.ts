/** Reads proceedings as the server publishes them and checks their chain without its help. */
import { createHash } from 'node:crypto';
import type { Event } from '../../web/src/api/types.ts';

export type Line = Event & {
  sequence: number;
  at: number;
  actor: { by: 'person' | 'server' | 'operator'; person?: string };
  previous: string;
  hash: string;
};

/** Everything that stands in the proceedings of an event. Throws where the chain is broken. */
export async function proceedings(url: string, event: string, token: string): Promise<Line[]> {
  const answer = await fetch(`${url}/api/events/${event}/proceedings`, {
    headers: { authorization: `Bearer ${token}` },
  });
  if (!answer.ok) throw new Error(`proceedings: ${answer.status} ${await answer.text()}`);
  const texts = (await answer.text()).split('\n').filter((text) => text !== '');
  const lines = texts.map((text) => JSON.parse(text) as Line);
  let previous = '0'.repeat(64);
  lines.forEach((line, index) => {
    const fault = faultOf(line, texts[index]!, index + 1, previous);
    if (fault !== undefined) throw new Error(`line ${index + 1} of the proceedings: ${fault}`);
    previous = line.hash;
  });
  return lines;
}

function faultOf(line: Line, text: string, sequence: number, previous: string): string | undefined {
  if (line.sequence !== sequence) return `its number is ${line.sequence}`;
  if (line.previous !== previous) return 'it does not continue the line before';
  const content = `${text.slice(0, text.lastIndexOf(',"previous":'))}}`;
  const hash = createHash('sha256').update(Buffer.from(previous, 'hex')).update(content).digest('hex');
  if (hash !== line.hash) return 'its content does not match its hash';
  return undefined;
}

/** A line in a few words, as `floor-given ganich`. */
export function inWords(line: Line): string {
  const parts: string[] = [line.event];
  if ('person' in line && typeof line.person === 'string') parts.push(line.person);
  if ('segment' in line) parts.push(line.segment);
  if ('allowed' in line) parts.push(line.allowed ? 'allowed' : 'ended');
  if ('on' in line) parts.push(line.on ? 'on' : 'off');
  return parts.join(' ');
}
