#!/bin/bash -eu
#
# Builds all fuzz targets as OSS-Fuzz expects it of a project's build.sh
# (https://google.github.io/oss-fuzz/getting-started/new-project-guide/): with $CC, $CXX, $CFLAGS,
# $CXXFLAGS and $LIB_FUZZING_ENGINE of the caller, from $SRC/millrace (or this tree) into $OUT,
# each target with its seeds (NAME_seed_corpus.zip), dictionary and options.
#
# By hand, without OSS-Fuzz:
#   CC=clang CXX=clang++ CFLAGS="-O1 -g -fsanitize=address,fuzzer-no-link" \
#   LIB_FUZZING_ENGINE=-fsanitize=fuzzer OUT=/tmp/out trunk/test/fuzz/oss-fuzz-build.sh
: "${CC:=clang}" "${CXX:=clang++}" "${CFLAGS:=-O1 -g -fsanitize=address,fuzzer-no-link}"
: "${LIB_FUZZING_ENGINE:=-fsanitize=fuzzer}" "${OUT:?is not set}" "${WORK:=$OUT/work}"

cd "$(dirname "$0")/../../.."
mkdir -p "$OUT" "$WORK"
objs=$(realpath "$WORK")/objs

./configure --objs="$objs"
# The engine is C++, and so is the linker; what is compiled takes the caller's flags alone.
make --no-print-directory -f "$objs/Makefile" -j"$(nproc)" CC_fuzz="$CC" CFLAGS_fuzz="$CFLAGS" \
    LINK_fuzz="$CXX" LDFLAGS_fuzz="${CXXFLAGS:-$CFLAGS} -Wl,-z,noexecstack" FUZZ_ENGINE="$LIB_FUZZING_ENGINE" fuzz-build

while IFS='|' read -r name dictionary _; do
    name=${name//[[:space:]]/}
    dictionary=${dictionary//[[:space:]]/}
    case $name in
        '' | \#*) continue ;;
    esac
    cp "$objs/fuzz/fuzz_$name" "$OUT/"
    rm -f "$OUT/fuzz_${name}_seed_corpus.zip"
    zip -q -j "$OUT/fuzz_${name}_seed_corpus.zip" trunk/test/corpus/"$name"/*
    {
        echo "[libfuzzer]"
        echo "max_len = 16384"
        [ "$dictionary" = - ] || echo "dict = $dictionary.dict"
    } >"$OUT/fuzz_$name.options"
done <trunk/test/fuzz/targets.txt
cp trunk/test/fuzz/dict/*.dict "$OUT/"
