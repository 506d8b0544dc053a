# The work is done by OBJS/Makefile, which configure writes; this file only
# finds it. "make OBJS=/tmp/other" builds somewhere else from the same tree.

OBJS ?= objs

all:

$(OBJS)/Makefile:
	./configure --objs=$(OBJS)

# These two begin on a machine that may have nothing yet.
run:
	3rdparty/install.sh build run
	@$(MAKE) --no-print-directory OBJS=$(OBJS) serve

test:
	3rdparty/install.sh build run test
	@$(MAKE) --no-print-directory OBJS=$(OBJS) all-tests

fuzz:
	3rdparty/install.sh build test fuzz
	@$(MAKE) --no-print-directory OBJS=$(OBJS) all-fuzz

bench:
	3rdparty/install.sh build run bench
	@$(MAKE) --no-print-directory OBJS=$(OBJS) all-benches

site:
	3rdparty/install.sh site
	/usr/bin/python3 research/site/build_site.py $(OBJS)/site

clean:
	rm -rf $(OBJS)

format:
	clang-format -i $$(find trunk research -name node_modules -prune -o -name '*.[ch]' -print)

TARGETS := all libs serve all-tests all-benches html unit e2e e2e-workers test-busy all-fuzz \
	fuzz-short check faults soak sanitized clang-build install deb compile_commands

$(TARGETS): $(OBJS)/Makefile
	@$(MAKE) --no-print-directory -f $(OBJS)/Makefile $@

.DEFAULT_GOAL := all
.PHONY: run test fuzz bench site clean format $(TARGETS)
