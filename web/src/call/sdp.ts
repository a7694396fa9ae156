/** The little that has to be read from and written into SDP. Pure text functions. */

export interface IceCredentials {
  ufrag: string;
  pwd: string;
}

/** ICE credentials of a description or fragment. */
export function iceCredentials(sdp: string): IceCredentials | null {
  const ufrag = /^a=ice-ufrag:(\S+)/m.exec(sdp)?.[1];
  const pwd = /^a=ice-pwd:(\S+)/m.exec(sdp)?.[1];
  return ufrag && pwd ? { ufrag, pwd } : null;
}

/** A fragment that says nothing new: it only asks whether the session is still there. */
export const NOTHING_NEW = 'a=end-of-candidates\r\n';

/**
 * A trickle-ice-sdpfrag (RFC 8840) with new local credentials restarts ICE. It carries no
 * candidates: the server is ICE-lite and learns our address from our first check.
 */
export function restartFragment(local_sdp: string): string | null {
  const ice = iceCredentials(local_sdp);
  const media = /^m=(\w+) \d+ (\S+) (\d+)/m.exec(local_sdp);
  const mid = /^a=mid:(\S+)/m.exec(local_sdp)?.[1];
  if (ice === null || media === null || mid === undefined) return null;
  return [
    `a=ice-ufrag:${ice.ufrag}`,
    `a=ice-pwd:${ice.pwd}`,
    `m=${media[1]} 9 ${media[2]} ${media[3]}`,
    `a=mid:${mid}`,
    'a=end-of-candidates',
    '',
  ].join('\r\n');
}

/** The remote description after an ICE restart: the old answer with the credentials, and the
 * candidates if there are any, of the server's fragment. */
export function withFragment(answer: string, answer_fragment: string): string | null {
  const ice = iceCredentials(answer_fragment);
  if (ice === null) return null;
  const candidates = lines(answer_fragment).filter((line) => line.startsWith('a=candidate:'));
  const out: string[] = [];
  for (const line of lines(answer)) {
    if (line.startsWith('a=ice-ufrag:')) out.push(`a=ice-ufrag:${ice.ufrag}`);
    else if (line.startsWith('a=ice-pwd:')) out.push(`a=ice-pwd:${ice.pwd}`);
    else if (line.startsWith('a=candidate:') && candidates.length > 0) {
      // The first candidate line of a section gives way to all new ones; the others go.
      if (!out.at(-1)?.startsWith('a=candidate:')) out.push(...candidates);
    } else out.push(line);
  }
  return out.join('\r\n') + '\r\n';
}

/** Asks our own Opus encoder for in-band FEC and for silence while nobody speaks: what an encoder
 * does follows from the parameters in the answer. */
export function tuneOpus(answer: string): string {
  const payload = /^a=rtpmap:(\d+) opus\/48000/im.exec(answer)?.[1];
  if (payload === undefined) return answer;
  const fmtp = new RegExp(`^a=fmtp:${payload} (.*)$`, 'm');
  const wish = 'useinbandfec=1;usedtx=1';
  if (!fmtp.test(answer)) {
    return answer.replace(new RegExp(`^(a=rtpmap:${payload} opus.*)$`, 'gim'), `$1\r\na=fmtp:${payload} ${wish}`);
  }
  return answer.replace(new RegExp(`^a=fmtp:${payload} (.*)$`, 'gm'), (_line, present: string) => {
    const kept = present
      .trim()
      .split(';')
      .filter((part) => part !== '' && !/^\s*(useinbandfec|usedtx)=/.test(part));
    return `a=fmtp:${payload} ${[...kept, wish].join(';')}`;
  });
}

const lines = (sdp: string): string[] => sdp.split(/\r?\n/).filter((line) => line !== '');
