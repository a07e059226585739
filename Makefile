# SPDX-License-Identifier: MIT
#
# oauthrelay's one Makefile. `make help` lists what it can do.
#
#   make                          build/oauthrelay (release: optimised and hardened)
#   make DEBUG=1                  build/debug/oauthrelay
#   make SAN=address,undefined    build/san-address-undefined/oauthrelay; also SAN=thread
#   make CC=clang                 build/clang-release/oauthrelay
#   make WERROR=1                 a warning is an error (the default where CI=true is set)
#   make fuzz                     build/fuzz/fuzz_NAME: clang, libFuzzer and sanitizers
#
# Every variant has its own folder below build/, so they never mix.

VERSION := 0.1.0

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
# All processors, unless the caller said otherwise.
ifeq ($(filter -j% --jobserver%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc)
endif

# ---------------------------------------------------------------- variant

ifeq ($(origin CC),default)
CC := gcc
endif
CC ?= gcc
INSTALL ?= install
PKG_CONFIG ?= pkg-config
PYTHON := /usr/bin/python3
SAN ?=
DEBUG ?=
FUZZ ?=
WERROR ?= $(if $(filter true 1,$(CI)),1)

comma := ,
empty :=
space := $(empty) $(empty)

IS_CLANG := $(findstring clang,$(shell $(CC) --version 2>/dev/null))
MACHINE := $(shell $(CC) -dumpmachine 2>/dev/null)
IS_X86 := $(filter x86_64-% i%86-%,$(MACHINE))
CHECKED := $(if $(SAN)$(filter-out 0,$(DEBUG)),yes)

VARIANT := $(if $(FUZZ),fuzz,$(if $(IS_CLANG),clang-)$(strip $(if $(SAN),san-$(subst $(comma),-,$(SAN)), \
	$(if $(CHECKED),debug,release))))
B := build/$(VARIANT)

# ---------------------------------------------------------------- sources

FOLDERS := common daemon \
	$(addprefix daemon/,config message inbound spool oauth upstream queue admin cli)
MAIN := daemon/cli/main.c
SOURCES := $(sort $(wildcard $(FOLDERS:%=%/*.c)))
LIB_SOURCES := $(filter-out $(MAIN),$(SOURCES))

OBJECTS := $(SOURCES:%.c=$(B)/%.o)
LIB_OBJECTS := $(LIB_SOURCES:%.c=$(B)/%.o)
MAIN_OBJECT := $(MAIN:%.c=$(B)/%.o)
ARCHIVE := $(B)/liboauthrelay.a
PROGRAM := $(B)/oauthrelay

# Unit tests: tests/unit/<folder>/test_<module>.c, each a program of its own that links the
# archive and cmocka. Code that several tests share goes into tests/unit/support/*.c.
# To replace a libc function by the test's own __wrap_NAME, name it in the first ten lines:
#	/* WRAP: fsync renameat */
TEST_SOURCES := $(sort $(wildcard tests/unit/*/test_*.c))
TEST_SUPPORT := $(sort $(wildcard tests/unit/support/*.c))
TEST_PROGRAMS := $(TEST_SOURCES:tests/unit/%.c=$(B)/tests/%)
TEST_OBJECTS := $(TEST_SOURCES:%.c=$(B)/%.o) $(TEST_SUPPORT:%.c=$(B)/%.o)

# Calls that block: in a checked build common/loopguard.c aborts when the loop's thread makes one.
# Its wrappers are weak, so that a test's own wrapper of the same call wins.
BLOCKING_CALLS := fsync fdatasync unlinkat openat renameat getaddrinfo \
	opendir fdopendir readdir ftruncate pwrite pread
WRAPPED := $(if $(CHECKED),$(BLOCKING_CALLS))

# ---------------------------------------------------------------- flags

PACKAGES := libevent libevent_openssl libevent_pthreads openssl libcurl libcjson libconfig libsystemd

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wpointer-arith -Wcast-qual -Wcast-align \
	-Wwrite-strings -Wstrict-prototypes -Wmissing-prototypes -Wmissing-declarations \
	-Wold-style-definition -Wredundant-decls -Wnested-externs -Wundef -Wvla -Wformat=2 \
	-Wswitch-enum -Wconversion -Wsign-conversion -Wnull-dereference -Wdouble-promotion \
	-Wimplicit-fallthrough -Wdate-time -Wunused-result \
	-Werror=implicit-function-declaration -Werror=incompatible-pointer-types \
	-Werror=int-conversion -Werror=return-type

WARNINGS_GCC := -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wjump-misses-init \
	-Wformat-signedness -Wformat-truncation=2 -Wformat-overflow=2 -Walloc-zero \
	-Warith-conversion -Wcast-align=strict -Wtrampolines -Wstringop-overflow=4

HARDENING := -fstack-protector-strong -fstack-clash-protection \
	$(if $(IS_X86),-fcf-protection) $(if $(IS_CLANG),,-ftrivial-auto-var-init=zero)

# The sanitizers' own code confuses the warnings that follow values, so those are off there.
SANITIZE := -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer \
	$(if $(IS_CLANG),,-Wno-null-dereference -Wno-duplicated-branches -Wno-maybe-uninitialized \
	-Wno-stringop-overflow -Wno-format-truncation -Wno-format-overflow)

ifneq ($(SAN),)
OPTIMISE := -O1 -g $(SANITIZE) $(if $(FUZZ),-fsanitize=fuzzer-no-link)
DEFINES := -DOAUTHRELAY_DEBUG
LINK_SAN := -fsanitize=$(SAN)
else ifneq ($(CHECKED),)
OPTIMISE := -O0 -g
DEFINES := -DOAUTHRELAY_DEBUG
else
OPTIMISE := -O2 -g $(HARDENING)
DEFINES := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
endif

# CPPFLAGS, CFLAGS and LDFLAGS are the user's (or the packager's); ours have names of their own.
ALL_CPPFLAGS = $(CPPFLAGS) -I. -Idaemon -D_GNU_SOURCE $(DEFINES) $(PACKAGE_CFLAGS)
ALL_CFLAGS = -std=gnu17 $(WARNINGS) $(if $(IS_CLANG),,$(WARNINGS_GCC)) $(OPTIMISE) \
	-fPIE -fno-common -pthread $(CFLAGS)
ERROR_FLAG := $(if $(filter-out 0,$(WERROR)),$(if $(SAN),,-Werror))
ALL_LDFLAGS = -pie -pthread -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed \
	$(LINK_SAN) $(LDFLAGS)
ALL_LIBS = $(PACKAGE_LIBS) -lcrypt -lpthread

# ---------------------------------------------------------------- what a build needs to know
# (and `make help` does not: it must work on a machine where nothing is installed)

NO_BUILD := help clean format format-check layers sizes fuzz
ifneq ($(filter-out $(NO_BUILD),$(or $(MAKECMDGOALS),all)),)

ifeq ($(shell $(PKG_CONFIG) --exists $(PACKAGES) 2>/dev/null && echo ok),)
MISSING := $(foreach p,$(PACKAGES),$(shell $(PKG_CONFIG) --exists $(p) 2>/dev/null || echo $(p)))
$(error not found by $(PKG_CONFIG): $(strip $(MISSING)) -- scripts/setup installs what a build needs)
endif
# As system headers: their warnings are not ours.
PACKAGE_CFLAGS := $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags $(PACKAGES)))
PACKAGE_LIBS := $(shell $(PKG_CONFIG) --libs $(PACKAGES))

# Other flags than last time: compile again. Other files than last time: archive again.
FLAGS_NOW := $(strip $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS))
LINK_NOW := $(strip $(ALL_LDFLAGS) $(ALL_LIBS) $(WRAPPED))
$(shell mkdir -p $(B))
ifneq ($(FLAGS_NOW),$(strip $(file <$(B)/flags)))
$(file >$(B)/flags,$(FLAGS_NOW))
endif
ifneq ($(LIB_OBJECTS) $(LINK_NOW),$(strip $(file <$(B)/link)))
$(file >$(B)/link,$(LIB_OBJECTS) $(LINK_NOW))
endif

# An object that was made with a warning leaves NAME.o.warnings: under WERROR make it again.
ifneq ($(ERROR_FLAG),)
$(patsubst %.warnings,%,$(shell find $(B) -name '*.o.warnings')): FORCE
endif

endif

# ---------------------------------------------------------------- build

.PHONY: all
all: $(PROGRAM) ## build the program (default)

ifeq ($(VARIANT),release)
all: build/oauthrelay
build/oauthrelay: $(PROGRAM)
	@ln -sf release/oauthrelay $@
endif

# Warnings are shown and kept (see above); the compiler's exit status decides.
define compile
@mkdir -p $(@D)
@echo "  CC    $<"
@$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ERROR_FLAG) $(EXTRA) $(COLOUR) -MMD -MP -c -o $@ $< \
	2>$@.warnings; status=$$?; cat $@.warnings >&2; \
	test -s $@.warnings || rm -f $@.warnings; exit $$status
endef
COLOUR := $(if $(MAKE_TERMERR),-fdiagnostics-color=always)

$(B)/%.o: %.c $(B)/flags
	$(compile)

VERSION_DEFINE := -DOAUTHRELAY_VERSION='"$(VERSION)"'
$(B)/common/version.o: EXTRA = $(VERSION_DEFINE)
$(B)/analyze/common/version.o: EXTRA = -fanalyzer $(VERSION_DEFINE)
$(B)/common/version.o: Makefile
$(TEST_OBJECTS): EXTRA = -Wno-missing-prototypes -Wno-missing-declarations

$(B)/flags $(B)/link: ;

$(ARCHIVE): $(LIB_OBJECTS) $(B)/link
	@echo "  AR    $@"
	@rm -f $@
	@$(AR) rcs $@ $(LIB_OBJECTS)

$(PROGRAM): $(MAIN_OBJECT) $(ARCHIVE)
	@echo "  LINK  $@"
	@$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(WRAPPED:%=-Wl,--wrap=%) -o $@ $^ $(ALL_LIBS)

.PHONY: objects
objects: $(OBJECTS) $(TEST_OBJECTS) $(FUZZ_OBJECTS) ## compile everything, tests too; link nothing

.PHONY: tests
tests: $(TEST_PROGRAMS) ## build the unit tests

# $(1): a test's source. Both lists of calls to wrap, each name once.
wraps = $$(printf '%s\n' $(WRAPPED) \
	$$(sed -n '1,10s|.*/\* *WRAP:\(.*\)\*/.*|\1|p' $(1)) | sort -u | sed 's/^./-Wl,--wrap=&/')

$(B)/tests/%: $(B)/tests/unit/%.o $(TEST_SUPPORT:%.c=$(B)/%.o) $(ARCHIVE)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(call wraps,tests/unit/$*.c) -o $@ $^ -lcmocka $(ALL_LIBS)

.SECONDARY: $(TEST_OBJECTS)

# ---------------------------------------------------------------- check

.PHONY: check
check: check-unit fuzz-replay check-integration ## run all tests

.PHONY: check-unit
check-unit: $(TEST_PROGRAMS) ## run the unit tests
	@$(PYTHON) scripts/run-unit --root $(B)/tests $(TEST_PROGRAMS)

.PHONY: check-integration
check-integration: $(PROGRAM) $(if $(filter check,$(MAKECMDGOALS)),check-unit) ## run the integration tests (pytest)
	@OAUTHRELAY_BIN=$(abspath $(PROGRAM)) $(PYTHON) -m pytest -q -n 2 -p no:cacheprovider \
		$(PYTEST_ARGS) tests/sandbox tests/integration

.PHONY: layers
layers: ## check who includes whom
	@scripts/check-layers

.PHONY: sizes
sizes: ## check lengths of files and functions, banned calls, SPDX lines
	@scripts/check-sizes

.PHONY: lint
lint: layers sizes ## clang-tidy, cppcheck, shellcheck, codespell
	@scripts/lint

.PHONY: format
format: ## format the C files in place
	@scripts/format

.PHONY: format-check
format-check: ## say which C files are not formatted
	@scripts/format --check

.PHONY: analyze
analyze: $(SOURCES:%.c=$(B)/analyze/%.o) ## gcc -fanalyzer over everything (slow)

$(B)/analyze/%.o: EXTRA = -fanalyzer
$(B)/analyze/%.o: %.c $(B)/flags
	$(compile)

# tests/fuzz/fuzz_NAME.c holds LLVMFuzzerTestOneInput(). With libFuzzer's main() it looks for new
# inputs (`make fuzz`, `scripts/fuzz`); with that of tests/fuzz/replay.c, and any compiler, it runs
# those of tests/fuzz/corpus/NAME/. The other files there are linked to each.
FUZZ_SOURCES := $(sort $(wildcard tests/fuzz/*.c))
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(filter tests/fuzz/fuzz_%,$(FUZZ_SOURCES)))
FUZZ_SHARED := $(filter-out tests/fuzz/fuzz_% $(if $(FUZZ),tests/fuzz/replay.c),$(FUZZ_SOURCES)) \
	$(TEST_SUPPORT)
FUZZ_OBJECTS := $(FUZZ_SOURCES:%.c=$(B)/%.o)
FUZZ_PROGRAMS := $(if $(FUZZ),$(FUZZERS:%=$(B)/fuzz_%),$(FUZZERS:%=$(B)/replay/%))
$(FUZZ_OBJECTS): EXTRA = -Wno-missing-prototypes -Wno-missing-declarations

# $(1): the target's name
define link-fuzzer
@mkdir -p $(@D)
@echo "  LINK  $@"
@$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(if $(FUZZ),-fsanitize=fuzzer) \
	$(call wraps,tests/fuzz/fuzz_$(1).c) -o $@ $^ -lcmocka $(ALL_LIBS)
endef

$(B)/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(FUZZ_SHARED:%.c=$(B)/%.o) $(ARCHIVE)
	$(call link-fuzzer,$*)

$(B)/replay/%: $(B)/tests/fuzz/fuzz_%.o $(FUZZ_SHARED:%.c=$(B)/%.o) $(ARCHIVE)
	$(call link-fuzzer,$*)

.SECONDARY: $(FUZZ_OBJECTS)

.PHONY: fuzz
fuzz: ## build the fuzzers with libFuzzer; scripts/fuzz runs them
	@env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL $(MAKE) --no-print-directory \
		FUZZ=1 CC=clang SAN=address,undefined fuzz-programs

.PHONY: fuzz-programs
fuzz-programs: $(FUZZ_PROGRAMS)

.PHONY: fuzz-replay $(FUZZERS:%=fuzz-replay-%)
fuzz-replay: $(FUZZERS:%=fuzz-replay-%) ## run the fuzzers over their corpora once
$(FUZZERS:%=fuzz-replay-%): fuzz-replay-%: $(B)/replay/%
	@timeout 120 $< tests/fuzz/corpus/$*

# ---------------------------------------------------------------- install

PREFIX ?= /usr
DESTDIR ?=
DOCDIR := $(PREFIX)/share/doc/oauthrelay
MANUALS := $(wildcard conf/man/*.[1-8]) $(patsubst conf/man/%.scd,build/man/%,$(wildcard conf/man/*.scd))
SAMPLES := $(wildcard conf/*.conf conf/*.md conf/*.txt)

build/man/%: conf/man/%.scd
	@mkdir -p $(@D)
	scdoc <$< >$@

# $(1) mode, $(2) files (may be none), $(3) folder
put = $(if $(strip $(2)),$(INSTALL) -D -m $(1) -t "$(DESTDIR)$(3)" $(2))

.PHONY: install
install: $(PROGRAM) $(MANUALS) ## install below DESTDIR, PREFIX=/usr
	$(call put,0755,$(PROGRAM),$(PREFIX)/bin)
	$(call put,0644,$(wildcard systemd/*.service systemd/*.socket),$(PREFIX)/lib/systemd/system)
	$(call put,0644,$(wildcard systemd/sysusers.d/*.conf),$(PREFIX)/lib/sysusers.d)
	$(call put,0644,$(wildcard systemd/tmpfiles.d/*.conf),$(PREFIX)/lib/tmpfiles.d)
	$(foreach s,1 5 7 8,$(call put,0644,$(filter %.$(s),$(MANUALS)),$(PREFIX)/share/man/man$(s))$(newline))
	$(call put,0644,$(wildcard README.md LICENSE CHANGELOG.md),$(DOCDIR))
	$(call put,0644,$(SAMPLES),$(DOCDIR)/examples)
	$(foreach d,filter.d jail.d,$(call put,0644,$(wildcard conf/fail2ban/$d/*.conf),$(DOCDIR)/examples/fail2ban/$d)$(newline))

define newline

	
endef

# ---------------------------------------------------------------- the rest

.PHONY: clean
clean: ## remove build/
	rm -rf build

.PHONY: help
help: ## print this
	@echo "oauthrelay $(VERSION): make [TARGET] [DEBUG=1] [SAN=address,undefined|thread] [CC=clang] [WERROR=1]"
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
		while IFS='|' read -r name text; do printf '  %-18s %s\n' "$$name" "$$text"; done

# For scripts/lint: the flags clang-tidy needs.
.PHONY: print-flags
print-flags:
	@echo '$(ALL_CPPFLAGS) $(ALL_CFLAGS)'

.PHONY: FORCE
FORCE:

-include $(OBJECTS:.o=.d) $(TEST_OBJECTS:.o=.d) $(wildcard $(B)/analyze/*/*.d $(B)/analyze/*/*/*.d) \
	$(FUZZ_OBJECTS:.o=.d)
