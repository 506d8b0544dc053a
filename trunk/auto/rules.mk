# How everything is built; included by OBJS/Makefile, which knows with what.
#
# The same sources are compiled in up to four variants, each in its own folder:
#   (none)  the server that is shipped         OBJS/server
#   asan    gcc, ASan and UBSan, -Werror       unit tests and end-to-end tests
#   clang   clang, -Werror                     a second opinion on everything
#   fuzz    clang, libFuzzer, ASan and UBSan   the fuzz targets
#   cov     clang, libFuzzer, line coverage    the fuzz targets again, only to measure
# A layer is one static library made of all its .c files; the application layer is one library
# for each of its floors. They are linked from the top down, each once, so that a call that points
# upward does not link. Pure layers never see libst: their tests would not link.

SHELL     := /bin/sh
LAYERS    := base media proto live co app
PURE      := base media proto live
# The floors of the application layer, from the bottom up. rtmp and http do not see each other.
FLOORS    := config core stream record rtmp http cluster workers hls control server
WARNINGS  := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
DIALECT   := -std=gnu11 -D_GNU_SOURCE
WERROR    ?=

PURE_LIBS := -lhttp_parser -lnghttp2 -lcrypto -lm
ALL_LIBS  := -lssl -ljansson -lhiredis -lcares $(ST_LIBS) $(SECCOMP_LIBS) $(PURE_LIBS) -lpthread
# State Threads' assembly does not say that it needs no executable stack; nothing here does.
NO_EXEC   := -Wl,-z,noexecstack
# Tests make allocations fail: trunk/test/unit/no_memory.h.
NO_MEMORY := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup
SAN       := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer

# Folder, compiler, flags, link flags of each variant, and the largest frame: redzones make them
# larger. Tests have the stack of the process.
FRAME_main  := 8192
FRAME_asan  := 16384
FRAME_clang := 8192
FRAME_fuzz  := 16384
FRAME_cov   := 16384
FRAME_TEST  := 262144
# Unit tests compile in half the time without optimising; what they test is optimised.
OPT_TEST    := -O0

D_main       := $(O)
CC_main      := $(CC)
CFLAGS_main  := $(OPT_CFLAGS) -fstack-usage $(WERROR)
LDFLAGS_main := $(OPT_LDFLAGS) $(NO_EXEC)

D_asan       := $(O)/asan
CC_asan      := $(GCC)
CFLAGS_asan  := -O1 -g $(SAN) -Werror
LDFLAGS_asan := $(SAN) $(NO_EXEC)

# Nothing of this variant is run by "make test": what clang warns of, it sees without optimising.
D_clang       := $(O)/clang
CC_clang      := $(CLANG)
CFLAGS_clang  := -O0 -Werror
LDFLAGS_clang := $(NO_EXEC)

D_fuzz       := $(O)/fuzz
CC_fuzz      := $(CLANG)
CFLAGS_fuzz  := -O1 -g $(SAN) -fsanitize=fuzzer-no-link
LDFLAGS_fuzz := $(SAN) $(NO_EXEC)

D_cov       := $(O)/cov
CC_cov      := $(CLANG)
CFLAGS_cov  := -O1 -g -fprofile-instr-generate -fcoverage-mapping
LDFLAGS_cov := -fprofile-instr-generate $(NO_EXEC)

# $(call reverse,LIST)
reverse = $(if $1,$(call reverse,$(wordlist 2,$(words $1),$1)) $(firstword $1))

# Each layer's libraries, and what lies below each layer, in link order.
LIBS_base   := base
LIBS_media  := media
LIBS_proto  := proto
LIBS_live   := live
LIBS_co     := co
LIBS_app    := $(addprefix app-,$(call reverse,$(FLOORS)))
BELOW_base  :=
BELOW_media := base
BELOW_proto := media base
BELOW_live  := media base
BELOW_co    := proto live media base
BELOW_app   := co proto live media base
LINK_ORDER  := $(LIBS_app) co proto live media base

HAVE_MAIN   := $(wildcard trunk/main.c)
# Small programs beside the server: a file, and a folder of the same name for more of them; they are
# linked with the pure layers.
TOOLS       := $(patsubst trunk/tools/%.c,%,$(sort $(wildcard trunk/tools/*.c)))
TOOL_OBJ     = $(patsubst %.c,%.o,$(sort $(wildcard trunk/tools/$1.c trunk/tools/$1/*.c)))
FUZZ_SRC    := $(sort $(wildcard trunk/test/fuzz/fuzz_*.c))
FUZZ_NAMES  := $(patsubst trunk/test/fuzz/%.c,%,$(FUZZ_SRC))
UNIT_LAYERS := $(foreach l,$(LAYERS),$(if $(wildcard trunk/test/unit/$l/check_*.c),$l))

# "make fuzz HOURS=8": the time of one sitting; JOBS=1 takes one processor only.
HOURS ?= 1
JOBS  ?= $(shell nproc)

# "make unit LAYER=proto", "make fuzz-short FUZZ=flv": less than all of them.
ifdef LAYER
UNIT_LAYERS := $(filter $(LAYER),$(UNIT_LAYERS))
endif
ifdef FUZZ
FUZZ_NAMES := $(filter $(FUZZ:%=fuzz_%),$(FUZZ_NAMES))
endif

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all libs serve html all-tests all-benches unit e2e e2e-workers test-busy all-fuzz fuzz-short \
	check faults soak sanitized clang-build install deb compile_commands FORCE

all: libs $(if $(HAVE_MAIN),$(O)/server) $(TOOLS:%=$(O)/%) html

# Configuring again when configure or a probe changes; make then starts over.
$(O)/Makefile: configure trunk/auto/probe.sh trunk/auto/libs.sh trunk/auto/write.sh
	./configure $(CONFIGURE_ARGS)

# $(call variant,NAME): objects, libraries, server and unit tests of one variant.
define variant
DEPS += $$(patsubst trunk/%.c,$$(D_$1)/trunk/%.d,$$(wildcard trunk/*.c trunk/*/*.c trunk/app/*/*.c \
	trunk/tools/*/*.c trunk/test/unit/*.c trunk/test/unit/*/*.c trunk/test/fuzz/*.c trunk/test/fault/*.c))

# Other flags, other objects. A warning's rank does not change the code.
$$(D_$1)/flags: FORCE
	@trunk/auto/put.sh $$@ "$$(CC_$1) $$(DIALECT) $$(WARNINGS) $$(filter-out -Werror,$$(CFLAGS_$1)) $$(ST_CFLAGS) $$(FRAME_$1) $$(FRAME_TEST) $$(OPT_TEST)"

$$(D_$1)/trunk/%.o: trunk/%.c $(O)/config.h $$(D_$1)/flags
	@mkdir -p $$(@D)
	@echo "  $1  CC    $$<"
	@$$(CC_$1) $$(DIALECT) $$(WARNINGS) $$(CFLAGS_$1) -MMD -MP -Itrunk -include $(O)/config.h \
		-Wframe-larger-than=$$(if $$(filter trunk/test/%,$$<),$$(FRAME_TEST),$$(FRAME_$1)) \
		$$(if $$(filter trunk/test/unit/%,$$<),$$(OPT_TEST)) $$(ST_CFLAGS) -c -o $$@ $$<

.PRECIOUS: $$(D_$1)/trunk/%.o

$$(foreach l,$$(filter-out app,$$(LAYERS)),$$(eval $$(call archive,$1,$$l,$$l)))
$$(foreach f,$$(FLOORS),$$(eval $$(call archive,$1,app/$$f,app-$$f)))
$$(foreach l,$$(LAYERS),$$(eval $$(call unit_tests,$1,$$l)))

$$(foreach t,$$(TOOLS),$$(eval $$(D_$1)/$$t: $$(addprefix $$(D_$1)/,$$(call TOOL_OBJ,$$t))))

$$(TOOLS:%=$$(D_$1)/%): $$(BELOW_co:%=$$(D_$1)/lib%.a)
	@echo "  $1  LINK  $$@"
	@$$(CC_$1) $$(LDFLAGS_$1) -o $$@ $$(filter %.o,$$^) $$(filter %.a,$$^) $$(PURE_LIBS)

$$(D_$1)/server: $$(D_$1)/trunk/main.o $$(LINK_ORDER:%=$$(D_$1)/lib%.a)
	@echo "  $1  LINK  $$@"
	@$$(CC_$1) $$(LDFLAGS_$1) -o $$@ $$^ $$(ALL_LIBS)
endef

# $(call archive,VARIANT,FOLDER,NAME): the folder's library. The list of members is a file so that a
# deleted source is noticed.
define archive
OBJ_$1_$3 := $$(patsubst %.c,$$(D_$1)/%.o,$$(sort $$(wildcard trunk/$2/*.c)))

$$(D_$1)/lib$3.list: FORCE
	@trunk/auto/put.sh $$@ "$$(OBJ_$1_$3)"

$$(D_$1)/lib$3.a: $$(OBJ_$1_$3) $$(D_$1)/lib$3.list
	@rm -f $$@
	@ar rcs $$@ $$(OBJ_$1_$3)
endef

# $(call unit_tests,VARIANT,LAYER): one program of all the layer's unit tests.
define unit_tests
UNIT_OBJ_$1_$2 := $$(patsubst %.c,$$(D_$1)/%.o,$$(sort $$(wildcard trunk/test/unit/$2/*.c)))

$$(D_$1)/unit/main_$2.c: FORCE
	@trunk/auto/unit-main.sh $2 $$@

$$(D_$1)/unit/$2: $$(D_$1)/unit/main_$2.c $$(UNIT_OBJ_$1_$2) $$(LIBS_$2:%=$$(D_$1)/lib%.a) \
		$$(D_$1)/trunk/test/unit/no_memory.o $$(BELOW_$2:%=$$(D_$1)/lib%.a)
	@echo "  $1  LINK  $$@"
	@$$(CC_$1) $$(DIALECT) $$(WARNINGS) $$(CFLAGS_$1) $$(LDFLAGS_$1) $$(NO_MEMORY) -Itrunk -o $$@ \
		$$(filter %.c %.o,$$^) $$(filter %.a,$$^) -lcheck -lsubunit \
		$$(if $$(filter $2,$$(PURE)),$$(PURE_LIBS),$$(ALL_LIBS)) -lrt -lpthread
endef

$(foreach v,main asan clang fuzz cov,$(eval $(call variant,$v)))

# The sanitized server whose calls fail on request: trunk/test/fault/.
FAULT_OBJ := $(patsubst %.c,$(O)/asan/%.o,$(sort $(wildcard trunk/test/fault/*.c)))

$(O)/asan/faulty: $(O)/asan/trunk/main.o $(FAULT_OBJ) $(LINK_ORDER:%=$(O)/asan/lib%.a)
	@echo "  asan  LINK  $@"
	@$(CC_asan) $(LDFLAGS_asan) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(ALL_LIBS)

libs: $(LINK_ORDER:%=$(O)/lib%.a)
sanitized: $(LINK_ORDER:%=$(O)/asan/lib%.a) $(if $(HAVE_MAIN),$(O)/asan/server $(O)/asan/faulty) \
	$(TOOLS:%=$(O)/asan/%)
clang-build: $(LINK_ORDER:%=$(O)/clang/lib%.a) $(if $(HAVE_MAIN),$(O)/clang/server) \
	$(TOOLS:%=$(O)/clang/%) \
	$(UNIT_LAYERS:%=$(O)/clang/unit/%)

# Fuzz targets: clang only. Most are linked with the pure layers, and with those files of app that
# are pure too: a target's name, then its files. The linker sees to it that they are. Those named
# session_* and peer_* run the whole server on a kernel in memory: trunk/test/fuzz/sim_kernel.h.
FUZZ_APP_cluster := config/origin config/via_chain
FUZZ_APP_directory := config/directory_place config/directory_url
FUZZ_APP_forward := cluster/coworkers_json cluster/forward_json config/origin
FUZZ_APP_hooks := control/hooks_answer
FUZZ_TOOL_import_nginx := import-nginx
FUZZ_WHOLE := $(filter fuzz_session_% fuzz_peer_%,$(FUZZ_NAMES))
FUZZ_PURE  := $(filter-out $(FUZZ_WHOLE),$(FUZZ_NAMES))
FUZZ_SIM   := cpu_budget sim_kernel sim_memory sim_origin sim_server sim_time
# What sim_kernel.c, sim_memory.c, sim_server.c and sim_time.c replace.
SIM_CALLS  := socket socketpair connect epoll_ctl close shutdown recv send sendmsg sendfile \
	setsockopt getsockopt getsockname ioctl poll getrandom RAND_bytes clock_now clock_wall \
	memory_used reactor_park_until resolve_name listeners_open listeners_close \
	listeners_prepare listeners_abandon listeners_commit \
	malloc calloc realloc reallocarray strdup strndup
SIM_WRAPS  := $(SIM_CALLS:%=-Wl,--wrap=%)

# $(call fuzz_targets,VARIANT)
define fuzz_targets
$(foreach f,$(FUZZ_PURE),$(eval \
	$$(D_$1)/$f: $$(FUZZ_APP_$(f:fuzz_%=%):%=$$(D_$1)/trunk/app/%.o) $$(patsubst %.c,$$(D_$1)/%.o, \
		$$(sort $$(wildcard $$(FUZZ_TOOL_$(f:fuzz_%=%):%=trunk/tools/%/*.c))))))

$$(FUZZ_PURE:%=$$(D_$1)/%): $$(D_$1)/%: $$(D_$1)/trunk/test/fuzz/%.o \
		$$(D_$1)/trunk/test/fuzz/cpu_budget.o $$(BELOW_co:%=$$(D_$1)/lib%.a)
	@echo "  $1  LINK  $$@"
	@mkdir -p $$(@D)
	@$$(LINK_$1) $$(LDFLAGS_$1) $$(FUZZ_ENGINE) -o $$@ $$(filter %.o,$$^) $$(filter %.a,$$^) -ljansson \
		$$(PURE_LIBS)

$$(FUZZ_WHOLE:%=$$(D_$1)/%): $$(D_$1)/%: $$(D_$1)/trunk/test/fuzz/%.o \
		$$(FUZZ_SIM:%=$$(D_$1)/trunk/test/fuzz/%.o) $$(LINK_ORDER:%=$$(D_$1)/lib%.a)
	@echo "  $1  LINK  $$@"
	@mkdir -p $$(@D)
	@$$(LINK_$1) $$(LDFLAGS_$1) $$(FUZZ_ENGINE) $$(SIM_WRAPS) -o $$@ $$(filter %.o,$$^) \
		$$(filter %.a,$$^) $$(ALL_LIBS)
endef

# Overridden by trunk/test/fuzz/oss-fuzz-build.sh.
FUZZ_ENGINE := -fsanitize=fuzzer
LINK_fuzz   := $(CC_fuzz)
LINK_cov    := $(CC_cov)
$(foreach v,fuzz cov,$(eval $(call fuzz_targets,$v)))

fuzz-build: $(FUZZ_NAMES:%=$(O)/fuzz/%)
# Without the whole server, which takes minutes to compile once more.
fuzz-build-parsers: $(FUZZ_PURE:%=$(O)/fuzz/%)
fuzz-measured: $(FUZZ_NAMES:%=$(O)/cov/%)
unit-build: $(UNIT_LAYERS:%=$(O)/asan/unit/%)
.PHONY: fuzz-build fuzz-build-parsers fuzz-measured unit-build

# The player page and what the static handler serves by default.
html:
	@trunk/auto/html.sh $(O)/nginx/html

serve: all
	@trunk/auto/serve.sh $(O)

# Tests. Each group leaves "passed failed name" lines in OBJS/results.
unit: unit-build
	@trunk/test/run.sh $(O) unit $(UNIT_LAYERS)
fuzz-short: fuzz-build
	@trunk/test/run.sh $(O) fuzz-short $(FUZZ_NAMES)
all-fuzz: fuzz-build fuzz-measured
	@trunk/test/fuzz/sitting.py $(O) $(HOURS) $(JOBS) $(FUZZ_NAMES)
# FAULTS="--only flv --kinds memory": some of them.
faults: all sanitized
	@/usr/bin/python3 trunk/test/fault/faults.py --objs $(O) $(FAULTS)
# SOAK="--viewers 300 --asan": its options.
soak: all $(if $(findstring --asan,$(SOAK)),sanitized)
	@/usr/bin/python3 trunk/test/soak/soak.py --objs $(O) --hours $(HOURS) $(SOAK)
e2e: sanitized html
	@trunk/test/run.sh $(O) e2e
e2e-workers: sanitized html
	@trunk/test/run.sh $(O) e2e-workers
test-busy: sanitized unit-build html
	@trunk/test/busy.sh $(O) $(UNIT_LAYERS)
check: all
	@trunk/test/run.sh $(O) check
all-tests:
	@trunk/test/run.sh $(O) all

all-benches: all
	@trunk/auto/bench.sh $(O)

# For clangd and other editors' tools: clangd --compile-commands-dir=OBJS.
compile_commands:
	@trunk/auto/compile-commands.sh $(O)/compile_commands.json $(CC_main) $(DIALECT) $(WARNINGS) \
		$(OPT_CFLAGS) $(ST_CFLAGS) -Itrunk -include $(O)/config.h

deb: html
	@trunk/auto/deb.sh $(O)

install: all
	@trunk/auto/install.sh $(O) "$(DESTDIR)$(PREFIX)" "$(PREFIX)"

-include $(DEPS)

print-unit:
	@echo $(UNIT_LAYERS)
print-fuzz:
	@echo $(FUZZ_NAMES)
print-fuzz-parsers:
	@echo $(FUZZ_PURE)
.PHONY: print-unit print-fuzz print-fuzz-parsers
