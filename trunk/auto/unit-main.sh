#!/bin/sh
# unit-main.sh LAYER FILE: writes the program that runs every suite of a layer.
# A suite check_<file>_suite() is expected from each check_<file>.c.
set -eu

layer=$1
file=$2
mkdir -p "$(dirname "$file")"

names=
for source in trunk/test/unit/"$layer"/check_*.c; do
    [ -f "$source" ] || continue
    name=${source##*/}
    names="$names ${name%.c}"
done

{
    echo "/* Written by trunk/auto/unit-main.sh. */"
    echo "#include <check.h>"
    echo "#include <stdio.h>"
    echo "#include <stdlib.h>"
    echo
    for name in $names; do
        echo "Suite *${name}_suite(void);"
    done
    cat <<END

int main(void)
{
    SRunner *runner = srunner_create(NULL);
    int failed;
    int run;

    setvbuf(stdout, NULL, _IOLBF, 0);
    srunner_set_fork_status(runner, CK_NOFORK);
END
    for name in $names; do
        echo "    srunner_add_suite(runner, ${name}_suite());"
    done
    cat <<END
    srunner_run_all(runner, CK_ENV);
    run = srunner_ntests_run(runner);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    printf("unit $layer: %d passed, %d failed\\n", run - failed, failed);
    return failed == 0 && run > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
END
} >"$file.new"

if [ -f "$file" ] && cmp -s "$file" "$file.new"; then
    rm -f "$file.new"
else
    mv "$file.new" "$file"
fi
