#!/bin/bash
#
# Do the gates bite? gates-bite.sh OBJS makes a small copy of the tree that
# passes, breaks one rule at a time in it, and wants the gate's complaint.
set -u -o pipefail

objs=$(realpath "$1")
copy=$objs/gates-bite
failures=0

# object NAME: a source and its object, from stdin.
object()
{
    mkdir -p "$copy/objs/trunk/${1%/*}"
    printf '/*\n * For the gate that reads\n * objects.\n */\n' >"$copy/trunk/$1.c"
    cat >>"$copy/trunk/$1.c"
    gcc -c -o "$copy/objs/trunk/$1.o" "$copy/trunk/$1.c"
}

fresh()
{
    rm -rf "$copy"
    mkdir -p "$copy/trunk/live" "$copy/trunk/proto" "$copy/trunk/co" "$copy/objs/trunk" "$copy/research"
    cp -R trunk/base "$copy/trunk/"
    mkdir "$copy/trunk/test"
    cp trunk/test/*.sh trunk/test/*.py trunk/test/*.h trunk/test/*.supp "$copy/trunk/test/"
    for layer in media proto live co app app/{config,core,stream,record,rtmp,http,cluster,workers,hls,control,server}; do
        mkdir -p "$copy/trunk/$layer"
        echo "# $layer" >"$copy/trunk/$layer/README.md"
    done
    mkdir "$copy/objs/trunk/base"
    cp "$objs"/trunk/base/*.o "$copy/objs/trunk/base/"
    mkdir "$copy/doc"
    # shellcheck disable=SC2016
    printf '`%s`\n' trunk/base/*.c >"$copy/doc/files.md"
    cp .clang-format .clang-tidy "$copy/"
    grep '^## ' CHANGELOG.md >"$copy/CHANGELOG.md"
    cp "$objs/config.h" "$copy/objs/"
    printf 'x.c:1:1:f\t100\tstatic\n' >"$copy/objs/trunk/x.su"
}

gate()
{
    (cd "$copy" && JOBS=2 trunk/test/gates.sh "$1" objs) 2>&1
}

# put FILE: a new file from stdin, under an opening comment of the right length.
put()
{
    {
        case $1 in
            *.c) printf '/*\n * A rule is broken below.\n */\n' ;;
        esac
        cat
    } >"$copy/$1"
}

# bites GATE WORDS: the gate fails now and says so.
bites()
{
    local said status

    said=$(gate "$1")
    status=$?
    if [ "$status" -eq 0 ]; then
        echo "gate $1 passes: $2"
        failures=$((failures + 1))
    elif ! grep -q -- "$2" <<<"$said"; then
        echo "gate $1 fails, but not for '$2': $said"
        failures=$((failures + 1))
    fi
    fresh
}

fresh
for name in $(trunk/test/gates.sh list); do
    if ! said=$(gate "$name"); then
        echo "gate $name fails on the untouched copy: $said"
        failures=$((failures + 1))
    fi
done

put trunk/base/bad.c <<<'int  bad ;'
bites format "clang-format"

put trunk/base/bad.c <<<'#include "live/ring.h"'
touch "$copy/trunk/live/ring.h"
bites layers 'base includes "live/ring.h"'
put trunk/live/bad.c <<<'#include "proto/url.h"'
touch "$copy/trunk/proto/url.h"
bites layers 'live includes "proto/url.h"'
put trunk/proto/bad.c <<<'#include "live/ring.h"'
touch "$copy/trunk/live/ring.h"
bites layers 'proto includes "live/ring.h"'
put trunk/live/bad.c <<<'#include <st.h>'
bites layers '<st.h> is for co only'
put trunk/base/bad.c <<<'#include "err.h"'
bites layers 'not a header written from trunk/'
echo '#include "base/b.h"' >"$copy/trunk/base/a.h"
echo '#include "base/a.h"' >"$copy/trunk/base/b.h"
bites layers 'go in a circle'

object base/low <<<'int high(void); int low(void) { return high(); }'
object live/high <<<'int high(void) { return 0; }'
bites calls 'base/low.c: uses high() of trunk/live/high.c'
object app/rtmp/r <<<'int h(void); int r(void) { return h(); }'
object app/http/h <<<'int h(void) { return 0; }'
bites calls 'app/rtmp/r.c: uses h() of trunk/app/http/h.c'
object live/a <<<'int b(void); int a(void) { return b(); }'
object live/b <<<'int c(void); int b(void) { return c(); }'
object live/c <<<'int a(void); int c(void) { return a(); }'
bites calls 'a circle of 3: live/a, live/b, live/c'

put trunk/base/bad.c <<<'int good_f(void) { return 0; }'
bites names 'good_f() should begin with bad_'
put trunk/base/err_bad.c <<<'int bad_f(void) { return 0; }'
bites names 'bad_f() should begin with err_bad_ or err_'
put trunk/live/bad.c <<<'int bad_sounds(void) { return 0; }'
bites names 'bad_sounds: "sounds": say audio'
put trunk/main.c <<<'int main(void) { return bad_used(); }'
put trunk/base/bad.c <<<'int bad_used(void) { return 0; } int bad_f(void) { return 0; }'
bites dead 'bad_f() is called by tests only'
put trunk/main.c <<<'int main(void) { return 0; }'
put trunk/base/bad.c <<<'int bad_f(void) { return 0; } int bad_g(void) { return bad_f(); }'
bites dead 'bad_f() is called by tests only'
put trunk/main.c <<<'int main(void) { return co_count(); }'
put trunk/co/co.c <<<'int co_count(void) { return 0; }'
bites dead 'co_count() is used or gone'
put trunk/co/bad.c <<<'void f(void) { st_usleep(0); }'
bites yield 'f() may switch coroutine by st_usleep()'
put trunk/co/bad.c <<<'static void f(void) { st_usleep(0); } void g(void) { f(); }'
bites yield 'g() may switch coroutine by f()'
put trunk/co/bad.c <<<'void f(struct io *io) { io->ops->read(io, 0, 0, 0, 5); }'
bites yield 'f() may switch coroutine by read()'
put trunk/co/bad.c <<<'MAY_YIELD void f(void) { g(); }'
bites yield 'f() bears MAY_YIELD, but cannot switch coroutine'
put trunk/co/bad.c <<<'MAY_YIELD void f(usec_t timeout) { st_usleep(timeout); }'
bites yield 'f() bears MAY_YIELD beside a timeout'
put trunk/co/bad.c <<<'void f(void) { st_unknown(); }'
bites yield 'st_unknown() is neither in SWITCHES nor in STAYS'
put trunk/app/stream/bad.c <<'END'
struct row {
    void (*on_data)(void *state);
};
static MAY_YIELD void f(void *state)
{
    st_usleep(0);
}
const struct row row = {.on_data = f};
END
bites yield 'f() bears MAY_YIELD and is given to what must not switch'
put trunk/app/stream/bad.c <<'END'
void each(void (*fn)(void *arg));
static MAY_YIELD void f(void *arg)
{
    st_usleep(0);
}
void g(void)
{
    each(f);
}
END
bites yield 'f() bears MAY_YIELD and is given to what must not switch'

put trunk/base/bad.c <<<'void f(char *a, const char *b) { strcpy(a, b); }'
bites style 'strcpy() is banned'
put trunk/live/bad.c <<<'long f(int d, char *b) { return read(d, b, 1); }'
bites style 'read() is banned'
put trunk/base/bad.c <<<'void f(void) { abort(); }'
bites style 'abort() is banned'
put trunk/live/bad.c <<<'void f(void) { exit(1); }'
bites style 'exit() is banned'
put trunk/live/bad.c <<<'#include <uthash.h>'
bites layers '<uthash.h> is for nobody only'
put trunk/live/bad.c <<<'void f(struct x **h, struct x *i) { HASH_ADD_KEYPTR(hh, *h, i->key, 4, i); }'
bites style 'HASH_ADD_KEYPTR() is banned'
sed -i 's/HASH_NONFATAL_OOM .*/HASH_NONFATAL_OOM 0/' "$copy/trunk/base/hash.h"
bites style 'HASH_NONFATAL_OOM is not 1'
yes 'extern int x;' | head -n 1001 | put trunk/base/bad.c
bites style '1000 are the limit'
echo 'int x;' >"$copy/trunk/base/bad.c"
bites style 'opens with a comment'
echo 'void f(void) { { { { { { } } } } } }' | put trunk/base/bad.c
bites style 'nested 6 deep'
printf '#ifndef BAD\n#define BAD\n#endif\n' >"$copy/trunk/base/bad.h"
bites style 'the guard should be BASE_BAD_H'

put trunk/live/bad.c <<<'/* Who waits for it is told. */'
bites words 'begin with "Who"'
put trunk/live/bad.c <<<'const char *f(void) { return "directory is away"; }'
bites words 'unreachable'
echo 'The stream goes on.' >"$copy/page.md"
bites words 'page.md:1: "goes on"'
echo '# for whom it is' >"$copy/x.conf"
bites words 'x.conf:1: "whom"'
printf 'def f():\n    """Who waits is told."""\n' >"$copy/x.py"
bites words 'x.py:2: "Who"'

echo '[x](gone.md)' >"$copy/page.md"
bites links 'links to gone.md'
put trunk/base/bad.c </dev/null
bites links 'does not name trunk/base/bad.c'
sed -i 's/^## [0-9].*/## 99.0.0/' "$copy/CHANGELOG.md"
bites links 'the newest release is not'

# pages ENGLISH CHINESE: doc/page.md and its translation, each with its link to the other.
pages()
{
    mkdir -p "$copy/doc/zh"
    printf '# Page\n\n[zh](zh/page.md)\n\n%b\n' "$1" >"$copy/doc/page.md"
    printf '# Page\n\n[en](../page.md)\n\n%b\n' "$2" >"$copy/doc/zh/page.md"
}

# shellcheck disable=SC2016
pages '```\nrun it # now\n```\n[x](page.md#page) `a`' '```\nrun it # here\n```\n[y](page.md#page) `a`'
if ! said=$(gate languages); then
    echo "gate languages fails on pages that agree: $said"
    failures=$((failures + 1))
fi
fresh
echo '# Page' >"$copy/doc/page.md"
bites languages 'has no doc/zh/page.md'
pages 'a\n' 'a\n'
rm "$copy/doc/page.md"
bites languages 'doc/page.md is not there'
pages '# One\n' '## One\n'
bites languages 'a heading of level 2'
pages '# One\n\n# Two\n' '# One\n'
bites languages '2 headings instead of 3'
# shellcheck disable=SC2016
pages 'a `-x` b' 'a `-y` b'
bites languages 'inline code -x is missing'
# shellcheck disable=SC2016
pages '```\nrun it # now\n```\n' '```\nrun that # now\n```\n'
bites languages 'another block of code'
pages '    run it\n' '    run that\n'
bites languages 'another block of code'
pages '[x](page.md#page)' '[x](page.md#none)'
bites languages 'no such heading'
pages '[x](http://a.example/)' '[x](http://b.example/)'
bites languages 'link http://a.example/ is missing'
pages '| a |\n|---|\n| b |\n' '| a |\n|---|\n'
bites languages '2 rows of tables instead of 3'
pages 'a' '码流'
echo '| stream | 流 | 码流 |' >"$copy/doc/zh/glossary.md"
bites languages '码流: doc/zh/glossary.md says 流'
pages 'a' 'a'
echo '# Page' >"$copy/doc/zh/page.md"
bites languages 'does not link to doc/page.md at its top'

# explained LINE: the only warning of the copy, and a table that explains LINE.
explained()
{
    put trunk/base/bad.c <<<'void f(struct log *log, const char *s) { log_warn(log, "lost: %s", s); }'
    printf '## A | B\n- %s\nen a | b\nzh a | b\n' "$1" >"$copy/doc/log-lines.txt"
    printf '# A\n----\n# B\n' >"$copy/doc/log-lines.head.txt"
    mkdir -p "$copy/doc/zh"
    (cd "$copy" && /usr/bin/python3 trunk/test/gate_log_lines.py write)
}

explained 'lost: FILE'
if ! said=$(gate loglines); then
    echo "gate loglines fails on a line that is explained: $said"
    failures=$((failures + 1))
fi
echo '' >>"$copy/doc/log-lines.md"
bites loglines 'doc/log-lines.md:1: is not made of'
explained 'gone: FILE' >/dev/null
bites loglines 'does not explain "lost: %s"'
explained 'gone: FILE' >/dev/null
bites loglines 'no call logs "gone: FILE"'
explained 'lost: FILE'
sed -i '/^zh/d' "$copy/doc/log-lines.txt"
bites loglines 'not explained in both languages'

printf 'static inline uint8_t f(void)\n{\n    return 0;\n}\n' >"$copy/trunk/base/bad.h"
bites headers 'uint8_t'

printf 'x.c:1:1:f\t8200\tstatic\n' >"$copy/objs/trunk/x.su"
bites frames 'stack frame of 8200 bytes'
printf 'x.c:1:1:f\t16\tdynamic\n' >"$copy/objs/trunk/x.su"
bites frames 'without a limit'

# shellcheck disable=SC2016
printf '#!/bin/sh\nrm -rf $1/x\n' >"$copy/trunk/test/bad.sh"
bites shell 'SC2086'

put trunk/base/bad.c <<<'int f(void) { int a[2] = {0, 1}; return a[2]; }'
bites cppcheck 'arrayIndexOutOfBounds'

put trunk/base/bad.c <<'END'
#include <stdlib.h>
int *f(void);
int *f(void)
{
    int *p = malloc(sizeof(*p));

    free(p);
    *p = 1;
    return p;
}
END
bites tidy 'after it is freed'
{
    echo 'int f(int x);'
    echo 'int f(int x) {'
    yes 'x++;' | head -n 90
    echo 'return x; }'
} | put trunk/base/bad.c
bites tidy 'readability-function-size'

rm -rf "$copy"
[ "$failures" -eq 0 ]
