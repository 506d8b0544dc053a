#!/bin/sh
# Builds the bench tools: research/bench/build.sh OUTDIR. CC and CFLAGS may be set.
set -eu
case ${1:--} in
    -*)
        echo "usage: build.sh OUTDIR" >&2
        exit 2
        ;;
esac
out=$1
here=$(cd "$(dirname "$0")" && pwd)
trunk=$here/../../trunk
cc=${CC:-cc}
flags="-std=gnu11 -D_GNU_SOURCE ${CFLAGS:--O2 -g} -Wall -Wextra -Wshadow -Wstrict-prototypes
  -Wmissing-prototypes -Wvla -Wframe-larger-than=8192 -I$trunk -I$here"
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$here"
# shellcheck disable=SC2086
build() {
    name=$1
    shift
    $cc $flags -o "$out/$name" "$@" ${LDFLAGS:-}
}
build bench_load load.c load_options.c load_viewer.c flv_reader.c rtmp_client.c rtmp_client_out.c \
    tag_check.c stamp.c bench.c bench_tls.c -lssl -lcrypto
build bench_publish publish.c rtmp_client.c rtmp_client_out.c stream_file.c stamp.c bench.c
build bench_bare bare.c stream_file.c stamp.c bench.c bench_tls.c -lssl -lcrypto
