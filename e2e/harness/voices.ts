/**
 * What each person says and looks like: synthetic speech with a quiet pilot tone of their own, and
 * a picture in a colour of their own. Speech makes the codec and the browser's noise suppression
 * work as they do on the day; tone and colour prove, without trusting anybody's word, who is heard
 * and seen. The tone comes in bursts, which survives noise suppression better than a steady one.
 */
import { execFile } from 'node:child_process';
import { access, mkdir, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** One synthetic person. */
export interface Voice {
  /** Pilot tone; the tones lie far enough apart to be told apart in one bin of the analyser. */
  tone_hz: number;
  /** Colour of the picture, `rrggbb`. */
  colour: string;
  language: 'en' | 'ru' | 'ur';
  text: string;
}

export const voices = {
  moderator: {
    tone_hz: 3000,
    colour: '2060c0',
    language: 'en',
    text: 'Welcome. Our theme today is multilateralism, not unilateralism. The platform for regional cooperation brings the two countries closer, and relations have entered a new era.',
  },
  plenary: {
    tone_hz: 3700,
    colour: 'b02020',
    language: 'ru',
    text: 'Благодарю Совет за приглашение. У наших стран общие интересы, стабильность региона и мир. Развитие это путь к независимости, и новые пути сотрудничества открываются перед нами.',
  },
  concluding: {
    tone_hz: 4400,
    colour: '208030',
    language: 'ur',
    text: 'ہم سفیر صاحب کا شکریہ ادا کرتے ہیں اور مزید رابطوں کی امید رکھتے ہیں۔ پاکستان ایک جغرافیائی محور ہے اور اسے اپنے محل وقوع سے فائدہ اٹھانا چاہیے۔',
  },
  participant: {
    tone_hz: 5100,
    colour: 'c0a020',
    language: 'en',
    text: 'Thank you, moderator. I should like to ask about the corridor, and about the new avenues of cooperation that it may open for the whole region.',
  },
} as const satisfies Record<string, Voice>;

export type VoiceName = keyof typeof voices;

/** Speech and tone, looped by the browser. Long enough that the seam is rare. */
const SECONDS = 30;

/** Frames a second of the pictures: enough to see them move, cheap enough for two cores. The format
 * is YUV4MPEG because Chromium keeps to its rate; an MJPEG it would play at 30. */
const FRAMES_PER_S = 8;

/** Files of a voice, made once and kept between runs under a name that tells their recipe. */
export async function voiceFiles(name: VoiceName): Promise<{ sound: string; picture: string }> {
  const voice = voices[name];
  const folder = join(tmpdir(), 'plenary-e2e-voices-2');
  await mkdir(folder, { recursive: true });
  const sound = join(folder, `${name}.wav`);
  const picture = join(folder, `${name}.y4m`);
  await once(sound, (file) => makeSound(voice, file));
  await once(picture, (file) => makePicture(voice, file));
  return { sound, picture };
}

async function makeSound(voice: Voice, file: string): Promise<void> {
  const speech = `${file}.speech.wav`;
  await run('espeak-ng', ['-v', voice.language, '-s', '150', '-w', speech, voice.text]);
  // Bursts of 170 ms in every 250; between them the tone stays, quieter, so that nobody is ever
  // silent while they are heard.
  const tone = `0.08*(0.3+0.7*lt(mod(t\\,0.25)\\,0.17))*sin(2*PI*${voice.tone_hz}*t)`;
  const mix =
    '[0:a]aresample=48000,volume=0.7[speech];[speech][1:a]amix=inputs=2:normalize=0:duration=first';
  await ffmpeg(
    ['-stream_loop', '-1', '-i', speech, '-f', 'lavfi', '-i', `aevalsrc=${tone}:s=48000`],
    ['-filter_complex', mix, '-t', String(SECONDS), '-ac', '1', file],
  );
}

async function makePicture(voice: Voice, file: string): Promise<void> {
  // A plain field with a lighter bar that wanders along the lower edge: every frame differs, and
  // the middle of the picture always shows the person's colour.
  const field = `color=0x${voice.colour}:s=640x360:r=${FRAMES_PER_S}:d=4`;
  const bar = `color=white:s=80x40:r=${FRAMES_PER_S}:d=4`;
  await ffmpeg(
    ['-f', 'lavfi', '-i', field, '-f', 'lavfi', '-i', bar],
    ['-filter_complex', '[0][1]overlay=x=mod(t*140\\,560):y=310', '-pix_fmt', 'yuv420p', file],
  );
}

/** A picture as a real camera's: it moves everywhere and has grain, so that it costs what it costs. */
export async function livelyPicture(): Promise<string> {
  const folder = join(tmpdir(), 'plenary-e2e-voices-2');
  await mkdir(folder, { recursive: true });
  const picture = join(folder, 'lively.y4m');
  const moving = 'testsrc2=s=640x360:r=15:d=4,noise=alls=10:allf=t';
  await once(picture, (file) => ffmpeg(['-f', 'lavfi', '-i', moving], ['-pix_fmt', 'yuv420p', file]));
  return picture;
}

async function ffmpeg(inputs: string[], output: string[]): Promise<void> {
  await run('ffmpeg', ['-y', '-loglevel', 'error', ...inputs, ...output]);
}

/** Makes a file if it is not there; half-made files never bear the name. */
async function once(file: string, make: (file: string) => Promise<void>): Promise<void> {
  const there = await access(file).then(() => true, () => false);
  if (there) return;
  const ending = file.slice(file.lastIndexOf('.'));
  const unfinished = `${file.slice(0, -ending.length)}.${process.pid}${ending}`;
  await make(unfinished);
  await rename(unfinished, file);
}
