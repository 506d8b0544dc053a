#!/bin/sh
# Makes doc/source.flv, the stream that the examples, tests and benchmarks
# publish, from ffmpeg's own test sources: nobody else's pictures or sounds.
#
#   video  H.264 1280x720, 25 frames/s, a keyframe every 2 s, about 1 Mbit/s,
#          no B-frames; a moving test card with a clock and the frame's number
#   audio  AAC, 44.1 kHz stereo, 128 kbit/s; another tone each second, a short
#          tick at its start, left and right an octave apart
#
# The same ffmpeg makes the same bytes again. Needs ffmpeg with libx264 and
# drawtext (Debian: ffmpeg, fonts-dejavu-core).
set -eu

out=${1:-$(dirname "$0")/source.flv}
seconds=${2:-36}
font=/usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf

label="fontfile=$font:fontcolor=white:box=1:boxcolor=black@0.7:boxborderw=12"
clock="drawtext=$label:fontsize=96:x=(w-tw)/2:y=h-th-60:text='%{pts\\:hms}'"
frame="drawtext=$label:fontsize=36:x=40:y=40:text='frame %{frame_num}'"
name="drawtext=$label:fontsize=36:x=w-tw-40:y=40:text='Millrace'"

# A scale of eight notes, one per second; the tick is 40 ms long.
pitch="220*pow(2\,mod(floor(t)\,8)/8)"
tick="0.3*sin(2*PI*1760*t)*lt(mod(t\,1)\,0.04)"
left="0.15*sin(2*PI*t*$pitch)+$tick"
right="0.15*sin(4*PI*t*$pitch)+$tick"

exec ffmpeg -y -loglevel warning -nostdin \
    -f lavfi -i "testsrc2=size=1280x720:rate=25" \
    -f lavfi -i "aevalsrc=$left|$right:sample_rate=44100:channel_layout=stereo" \
    -vf "$clock,$frame,$name,format=yuv420p" -t "$seconds" \
    -c:v libx264 -profile:v high -preset slow -bf 0 -g 50 -keyint_min 50 -sc_threshold 0 \
    -b:v 1000k -maxrate 1100k -bufsize 2000k -threads 1 \
    -c:a aac -b:a 128k \
    -fflags +bitexact -flags:v +bitexact -flags:a +bitexact -map_metadata -1 \
    -f flv "$out"
