#!/bin/bash
#
# The gates of "make check", one by one:
#
#   gates.sh list           their names
#   gates.sh GATE OBJS      runs one; silent and 0 when all is well
#   gates.sh GATE OBJS FILE...   format, cppcheck and tidy: these files only
#
# What each is for: format, tidy, cppcheck: the tools' own opinion. layers:
# includes point down, no cycles, State Threads and sockets only in co. style:
# banned calls, file lengths, opening comments. links: the pages' links and the
# tour of the files. languages: the English and the Chinese pages agree.
# loglines: the pages explain every warning and error. words:
# phrases in comments, logs and pages. headers: each compiles alone. yield: what may switch coroutine says so. names: a shared
# function has the prefix of its file.
# dead: no function that only tests call.
# frames: stack use as the compiler counted it. shell: the scripts.
set -u -o pipefail

gate=$1
objs=${2:-objs}
only=("${@:3}")
jobs=${JOBS:-$(nproc)}
flags=(-std=gnu11 -D_GNU_SOURCE -Itrunk -include "$objs/config.h" -Wall -Wextra -Wshadow
    -Wstrict-prototypes -Wmissing-prototypes -Wvla)

sources()
{
    if [ ${#only[@]} -gt 0 ]; then
        printf '%s\n' "${only[@]}"
        return
    fi
    find trunk research -name node_modules -prune -o -name '*.[ch]' -print | sort
}

# What the server is made of; the tests' own macros would drown the tools' findings.
server_sources()
{
    if [ ${#only[@]} -gt 0 ]; then
        printf '%s\n' "${only[@]}"
        return
    fi
    find trunk -path trunk/test -prune -o -name '*.c' -print | sort
}

gate_format()
{
    sources | xargs -r clang-format --dry-run -Werror
}

# clang-tidy on one file, unless the very same text was found clean before.
tidy_one()
{
    local source=$1 key stamp hints=(-include trunk/test/tidy.h)

    [ "$source" != trunk/base/err.c ] || hints=()
    key=$(
        {
            cat .clang-tidy
            clang "${flags[@]}" "${hints[@]}" -E "$source" 2>/dev/null
        } | sha256sum | cut -c1-32
    )
    stamp=$objs/tidy/$key
    [ -f "$stamp" ] && return 0
    # Fewer analyzer nodes than its default of 225,000: a tenth of the time, and paths that long are rare.
    if clang-tidy --quiet --warnings-as-errors='*' "$source" -- "${flags[@]}" "${hints[@]}" \
        -Xclang -analyzer-config -Xclang max-nodes="${TIDY_NODES:-12000}" \
        2> >(grep -v 'warnings generated\|^Suppressed\|^Use -header-filter' >&2); then
        touch "$stamp"
    else
        return 1
    fi
}

gate_tidy()
{
    local source failed=0 running=0

    mkdir -p "$objs/tidy"
    while read -r source; do
        if [ "$running" -ge "$jobs" ]; then
            wait -n || failed=1
            running=$((running - 1))
        fi
        tidy_one "$source" &
        running=$((running + 1))
    done < <(server_sources)
    while [ "$running" -gt 0 ]; do
        wait -n || failed=1
        running=$((running - 1))
    done
    return $failed
}

gate_cppcheck()
{
    mkdir -p "$objs/cppcheck"
    server_sources | cppcheck --quiet --file-list=- --std=c11 --language=c --platform=unix64 \
        --enable=warning,performance,portability --inline-suppr --suppressions-list=trunk/test/cppcheck.supp \
        --error-exitcode=1 --cppcheck-build-dir="$objs/cppcheck" -j"$jobs" \
        -D_GNU_SOURCE -D__x86_64__ --include="$objs/config.h" --include=trunk/test/cppcheck.h -Itrunk
}

gate_layers()
{
    /usr/bin/python3 trunk/test/gate_source.py layers
}

gate_style()
{
    /usr/bin/python3 trunk/test/gate_source.py style
}

gate_links()
{
    /usr/bin/python3 trunk/test/gate_source.py links
}

gate_languages()
{
    /usr/bin/python3 trunk/test/gate_languages.py
}

gate_loglines()
{
    /usr/bin/python3 trunk/test/gate_log_lines.py
}

# Every build compiles the headers alone that a source includes first; these are the others.
headers_never_first()
{
    comm -23 <(find trunk -name '*.h' | sort) <(
        find trunk -name '*.c' -exec awk '
            FNR == 1 { seen = 0 }
            !seen && /^#include/ {
                seen = 1
                if (split($2, name, "\"") == 3) {
                    folder = FILENAME
                    sub(/[^\/]*$/, "", folder)
                    print (name[2] ~ /\// ? "trunk/" : folder) name[2]
                }
            }' {} + | sort -u
    )
}

gate_headers()
{
    local header failed=0

    while read -r header; do
        for cc in gcc clang; do
            printf '#include "%s"\n' "${header#trunk/}" |
                $cc "${flags[@]}" -Werror -fsyntax-only -x c - || failed=1
        done
    done < <(headers_never_first)
    return $failed
}

gate_calls()
{
    /usr/bin/python3 trunk/test/gate_calls.py "$objs/trunk"
}

gate_names()
{
    /usr/bin/python3 trunk/test/gate_names.py prefix
}

gate_dead()
{
    /usr/bin/python3 trunk/test/gate_names.py dead
}

gate_yield()
{
    /usr/bin/python3 trunk/test/gate_yield.py
}

# Phrases that readers have had to read twice.
gate_words()
{
    /usr/bin/python3 trunk/test/gate_words.py
}

gate_frames()
{
    # Debugging and sanitizers make other frames than those that are shipped.
    if grep -q '^OPT_CFLAGS.*\(-O0\|-fsanitize\)' "$objs/Makefile" 2>/dev/null; then
        echo "note: the frames of a debugging build are not judged"
        return 0
    fi
    /usr/bin/python3 trunk/test/gate_source.py frames "$objs/trunk"
}

gate_shell()
{
    local scripts

    mapfile -t scripts < <(
        find . \( -name node_modules -o -name .git -o -path "./$objs" -o -path ./objs \) -prune -o -type f \
            \( -name '*.sh' -o -path ./configure -o -path ./.ci/run \) -print | sort
    )
    shellcheck -x "${scripts[@]}"
}

case $gate in
    list) echo format layers calls names dead yield style words links languages loglines headers frames shell cppcheck tidy ;;
    format | layers | calls | names | dead | yield | style | words | links | languages | loglines | headers | frames | shell | cppcheck | tidy) "gate_$gate" ;;
    *)
        echo "gates.sh: no such gate: $gate" >&2
        exit 2
        ;;
esac
