#!/usr/bin/env bash
# Makes the small pictures and voices that the synthetic people of `plenary rehearse` carry
# (crates/loadtest/clips, committed). Run it only to change them; it needs ffmpeg with libvpx and
# libopus, espeak-ng, and the DejaVu fonts.
#
# Every clip is different in every frame: a rehearsal recognises who is seen and heard by the bytes
# of the payloads, so no two people may share one.
set -euo pipefail

for tool in ffmpeg espeak-ng; do
  command -v "$tool" >/dev/null || { echo "make-clips: $tool is missing (apt-get install $tool)" >&2; exit 1; }
done
font=/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf
[ -r "$font" ] || { echo "make-clips: $font is missing (apt-get install fonts-dejavu-core)" >&2; exit 1; }

out=$(cd "$(dirname "$0")/../crates/loadtest/clips" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
run() { ffmpeg -hide_banner -loglevel error -nostdin -y "$@"; }

# Pictures: 12 people, a colour and a number each, a bar that moves and a frame counter. One key
# frame a second, so that a viewer who asks for one never waits long.
colours=(0x1f3a5f 0x5f1f2e 0x1f5f3a 0x5f4b1f 0x3f1f5f 0x1f5f5c 0x5f1f54 0x47511f 0x2a2a6e 0x6e3b2a 0x2a6e2d 0x444444)
seconds=4
fps=12
picture() { # FILE WIDTH HEIGHT BITRATE COLOUR NUMBER
  run -f lavfi -i "color=c=$5:s=$2x$3:r=$fps:d=$seconds" \
      -f lavfi -i "color=c=white@0.8:s=$(($2 / 12))x$(($3 / 6)):r=$fps:d=$seconds" \
      -filter_complex "[0][1]overlay=x='mod(t*$2/$seconds+$6*37\,$2)':y='$3*(0.5+0.35*sin(t*2*PI/$seconds*(1+mod($6\,3))))',drawtext=fontfile=$font:text='$6':fontcolor=white:fontsize=$3/2:x=w/12:y=h/8,drawtext=fontfile=$font:text='%{n}':fontcolor=white:fontsize=$3/8:x=w*3/4:y=h/12" \
      -c:v libvpx -b:v "$4" -maxrate "$4" -bufsize "$4" -g $fps -keyint_min $fps \
      -deadline good -cpu-used 1 -auto-alt-ref 0 -error-resilient 1 -threads 1 -an -f ivf "$1"
}
for i in "${!colours[@]}"; do
  number=$((i + 1))
  if [ "$number" -le 4 ]; then size="640 360 160k"; else size="320 180 70k"; fi
  # shellcheck disable=SC2086 # three arguments on purpose
  picture "$out/picture-$(printf %02d $number).ivf" $size "${colours[$i]}" "$number"
done
# A shared screen: a page of text that scrolls.
run -f lavfi -i "color=c=0xf4f4f0:s=640x360:r=$fps:d=$seconds" \
    -vf "drawtext=fontfile=$font:text='Gwadar  Karachi  Almaty  Astrakhan':fontcolor=0x202020:fontsize=24:x=40:y=mod(t*90\,360),drawtext=fontfile=$font:text='%{n}':fontcolor=0x202020:fontsize=20:x=580:y=20" \
    -c:v libvpx -b:v 120k -g $fps -keyint_min $fps -deadline good -cpu-used 1 -auto-alt-ref 0 \
    -error-resilient 1 -threads 1 -an -f ivf "$out/screen.ivf"

# Voices: four a language. The faint noise stands for a room and keeps every packet different.
en=("Good morning. A multilateral order makes it easier to work together, and our region needs a place to talk."
    "A corridor is worth what travels on it. The road from the north to the warm sea is the one to build."
    "Thank you for the invitation. We shall answer every question that we can, and note those we cannot."
    "Peace with the neighbours comes first; trade, study and visits follow it, year after year.")
ru=("Добрый день. Благодарю организаторов за приглашение и за интерес к нашему сотрудничеству."
    "Мы видим новые возможности в транспортных коридорах и в развитии всего региона."
    "Стабильность соседей отвечает общим интересам, и о ней надо говорить открыто."
    "Развитие ведёт к самостоятельности. Мы готовы продолжать этот разговор.")
ur=("السلام علیکم۔ آج کی نشست میں آپ سب کو خوش آمدید کہتے ہیں۔ گفتگو کا آغاز کرتے ہیں۔"
    "ہمارا خطہ ایک چوراہا ہے۔ راستے کھلیں گے تو تجارت اور علم دونوں آگے بڑھیں گے۔"
    "سوال کرنے والے حضرات ہاتھ بلند کریں۔ ہر سوال کا جواب دیا جائے گا۔"
    "امن سب سے پہلے ہے۔ شکریہ کہ آپ نے ہماری بات توجہ سے سنی۔")
voice() { # LANGUAGE VARIANT PITCH SEED TEXT
  espeak-ng -v "$1" -s 165 -p "$3" -w "$work/voice.wav" -- "$5"
  run -i "$work/voice.wav" -f lavfi -i "anoisesrc=r=48000:a=0.002:c=pink:s=$4:d=6" \
      -filter_complex "[0]aresample=48000,volume=0.8,apad[v];[v][1]amix=inputs=2:duration=shortest:normalize=0[a]" \
      -map "[a]" -t 6 -ac 1 -ar 48000 -c:a libopus -b:a 20k -application voip -frame_duration 20 \
      -fec 1 -packet_loss 10 -vbr on -map_metadata -1 -fflags +bitexact -f ogg "$out/voice-$1-$2.opus"
}
seed=100
for language in en ru ur; do
  declare -n texts=$language
  for i in "${!texts[@]}"; do
    seed=$((seed + 1))
    voice "$language" $((i + 1)) $((35 + i * 12)) $seed "${texts[$i]}"
  done
done

du -cb "$out"/* | tail -1
