# Holdfast: make help lists the targets. Everything made lies below $(BUILD).
VERSION := $(shell sed -n 's/^\#\# //p' CHANGELOG.md | head -n 1)

BUILD ?= build
DEPS ?= $(BUILD)/deps
DL_DIR ?=
DL := $(if $(DL_DIR),$(DL_DIR),$(BUILD)/dl)
PREFIX ?= /usr
DESTDIR ?=
FUZZ_SECONDS ?= 20
SIZE_MAX := 2000000
ROLES := management conferencing
Q := $(if $(V),,@)

sources := $(sort $(shell find agent -name '*.c'))
library := $(filter-out agent/main.c,$(sources))
unit_tests := $(patsubst tests/unit/%.c,%,$(sort $(wildcard tests/unit/*_test.c)))
unit_helpers := $(filter-out %_test.c,$(sort $(wildcard tests/unit/*.c)))
fuzz_targets := $(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/*_fuzz.c)))

warnings := -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wcast-qual \
	-Wcast-align -Wswitch-enum -Wvla -Wmissing-prototypes -Wstrict-prototypes -Wformat=2 \
	-Wundef -Wpointer-arith -Wwrite-strings -Werror
gcc_warnings := -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wnull-dereference
language := -std=c11 -D_GNU_SOURCE -DHOLDFAST_VERSION='"$(VERSION)"' -Iagent -I$(BUILD)/generated
hardening := -fPIE -fstack-protector-strong -fstack-clash-protection -fcf-protection
# Neither folder enters the binary: two builds of one commit are the same bytes.
maps = -ffile-prefix-map=$(CURDIR)=. -ffile-prefix-map=$(realpath $(DEPS))=/deps
# Unwind tables go into .debug_frame, and so aside with the symbols.
product_flags = $(language) -O2 -g -fno-asynchronous-unwind-tables $(hardening) \
	-ffunction-sections -fdata-sections $(warnings) $(gcc_warnings) $(maps)
host_flags = $(language) -isystem $(DEPS)/host/include -O1 -g -fno-omit-frame-pointer
# The C library's own enums differ from musl's, and clang from gcc: gcc's judgement counts.
fuzz_flags = $(host_flags) -Wall -Wextra -Werror
sanitizers := -fsanitize=address,undefined -fno-sanitize-recover=all
# mbedTLS multiplies on P-256 and X25519 by agent/pki/curves.h, and reads versions by
# agent/tls/tls_engine.h.
wraps := -Wl,--wrap=mbedtls_ecp_mul -Wl,--wrap=mbedtls_ecp_mul_restartable \
	-Wl,--wrap=mbedtls_ssl_read_version
# Commands that end within milliseconds allocate by agent/base/arena.h.
arena_wraps := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free
link_flags := $(wraps) $(arena_wraps) -Wl,--gc-sections -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code \
	-Wl,--build-id=sha1
libraries := -lmicrohttpd -lmbedtls -lhacl -lbearssl -lsqlite3

export SYSROOT = $(abspath $(DEPS)/musl)

all: $(BUILD)/holdfast

help:
	@echo 'all      build/holdfast (the default)'
	@echo 'demo     boot a Management Node in qemu and show that it holds (KEEP=1: leave it running)'
	@echo 'check    every test, the quick ones first'
	@echo 'check-quick  the daily round: lint, the unit tests, quick tests of the program'
	@echo 'mutate   put faults into the code, one by one, and see whether a test notices (tests/mutate/run)'
	@echo 'unit     the unit tests under sanitizers; valgrind: the same under valgrind'
	@echo 'fuzz     each libFuzzer target for FUZZ_SECONDS ($(FUZZ_SECONDS))'
	@echo 'bench    measure against named peers'
	@echo 'audit-deps  compare the pinned libraries with what Debian serves now'
	@echo 'image    the bootable images of $(ROLES)'
	@echo 'install  binary, links and manual pages below DESTDIR'
	@echo 'clean    remove what was made, but for the libraries; distclean: those too'
	@echo 'Variables: V=1 shows commands, DL_DIR=DIR takes source tarballs from DIR'

# --- packages and libraries: stamps are named by what they were made from ---

digest = $(shell cat $(1) | sha256sum | cut -c 1-16)
packages_digest := $(call digest,agent/deps/packages.list agent/deps/packages.sh)
# What of the libraries the program tells about itself.
components := $(BUILD)/generated/components.def
deps_inputs := $(addprefix agent/deps/,deps.lock build.sh musl-cc mbedtls_config.h) firmware/applets \
	$(sort $(wildcard agent/deps/patches/*/*.patch))
deps_digest := $(call digest,$(deps_inputs))
packages = $(BUILD)/packages/$(1)-$(packages_digest)
musl_stamp := $(DEPS)/musl/made-from-$(deps_digest)
host_stamp := $(DEPS)/host/made-from-$(deps_digest)
image_stamp := $(DEPS)/image/made-from-$(deps_digest)

$(BUILD)/packages/%-$(packages_digest):
	$(Q)agent/deps/packages.sh $*
	@mkdir -p $(@D) && touch $@

$(DEPS)/sources-$(deps_digest): | $(call packages,build)
	$(Q)agent/deps/fetch.sh $(if $(DL_DIR),--offline) $(DL)
	@mkdir -p $(@D) && touch $@

$(DEPS)/%/made-from-$(deps_digest): | $(DEPS)/sources-$(deps_digest)
	$(Q)flock $(DEPS) sh -c \
		'[ -e $@ ] || { agent/deps/build.sh $* $(DL) $(DEPS)/$* && touch $@; }'

$(components): agent/deps/components.sh $(deps_inputs)
	@mkdir -p $(@D)
	$(Q)agent/deps/components.sh >$@.new && mv $@.new $@

# --- the variants: the same sources, each with its compiler and flags ---

# $(1) name, $(2) compiler, $(3) flags, $(4) its libraries, $(5) what else must be there first. The
# stamps are intermediate files to make, which it does not miss: what they are made from stands here too.
define variant
$(BUILD)/$(1)/%.o: %.c Makefile CHANGELOG.md $(deps_inputs) $(4) | $(5) $(components)
	@mkdir -p $$(@D)
	@echo "cc $(1) $$<"
	$$(Q)$(2) $(3) -MMD -MP -c $$< -o $$@
$(BUILD)/$(1)/libholdfast.a: $(library:%.c=$(BUILD)/$(1)/%.o)
	$$(Q)rm -f $$@ && ar Dcr $$@ $$^
-include $(sources:%.c=$(BUILD)/$(1)/%.d)
endef
checkers := $(call packages,check)
$(eval $(call variant,product,agent/deps/musl-cc,$$(product_flags),$(musl_stamp)))
$(eval $(call variant,sanitized,gcc,$$(host_flags) $(warnings) $(sanitizers),$(host_stamp),$(checkers)))
$(eval $(call variant,plain,gcc,$$(host_flags) $(warnings),$(host_stamp),$(checkers)))
$(eval $(call variant,fuzzed,clang,$$(fuzz_flags) -fsanitize=fuzzer-no-link $(sanitizers),\
	$(host_stamp),$(checkers)))

$(BUILD)/holdfast: $(sources:%.c=$(BUILD)/product/%.o)
	@echo "ld $@"
	$(Q)agent/deps/musl-cc $(link_flags) $^ $(libraries) -o $@.full
	$(Q)objcopy --only-keep-debug $@.full $@.debug
	$(Q)cp $@.full $@.new && strip --strip-all $@.new
	$(Q)cd $(@D) && objcopy --add-gnu-debuglink=$(@F).debug $(@F).new
	@size=$$(stat -c %s $@.new); echo "$@: $$size bytes, at most $(SIZE_MAX)"; \
		[ $$size -le $(SIZE_MAX) ] || { echo "$@: too large" >&2; exit 2; }
	@rm -f $@.full && mv $@.new $@

# --- tests ---

# $(1) variant; mbedTLS takes its random numbers from ours, so that each needs the other.
host_libraries = $(wraps) -Wl,--start-group $(BUILD)/$(1)/libholdfast.a -L$(DEPS)/host/lib $(libraries) \
	-Wl,--end-group -lcrypt -lm

# A test that makes allocations fail takes their places.
wrap_allocation := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup
wrap_arena := $(arena_wraps)

define unit_test
$(BUILD)/$(1)/%_test: tests/unit/%_test.c $(unit_helpers) $(BUILD)/$(1)/libholdfast.a
	@echo "ld $$@"
	$$(Q)$(2) $$(host_flags) $(warnings) $(3) -Itests/unit $$< $(unit_helpers) \
		$$(call host_libraries,$(1)) $$(wrap_$$*) -lcmocka -o $$@
endef
$(eval $(call unit_test,sanitized,gcc,$(sanitizers)))
$(eval $(call unit_test,plain,gcc,))

$(BUILD)/fuzzed/%_fuzz: tests/fuzz/%_fuzz.c $(BUILD)/fuzzed/libholdfast.a
	@echo "ld $@"
	$(Q)clang $(fuzz_flags) -fsanitize=fuzzer $(sanitizers) $< $(call host_libraries,fuzzed) -o $@

# The endpoint without a daemon, for the tests and the bench from outside: the product's own objects, so
# that its system calls are the product's.
$(BUILD)/tests/%: $(BUILD)/product/tests/tls/%.o $(BUILD)/product/libholdfast.a
	@mkdir -p $(@D)
	@echo "ld $@"
	$(Q)agent/deps/musl-cc $(link_flags) -Wl,--start-group $^ $(libraries) -Wl,--end-group \
		-o $@

# A driver that includes a source of the product's is made again with it.
-include $(wildcard $(BUILD)/product/tests/tls/*.d)

drivers := $(patsubst tests/tls/%.c,$(BUILD)/tests/%,$(wildcard tests/tls/*_driver.c))
unit_built := $(unit_tests:%=$(BUILD)/sanitized/%)
plain_built := $(unit_tests:%=$(BUILD)/plain/%)
fuzz_built := $(fuzz_targets:%=$(BUILD)/fuzzed/%)
# The quick ones run one after the other from the start, so that a plain mistake shows at once; the
# slow ones run beside them, one after the other too.
quick_folders := lint unit build cli net tls
slow_tests := tests/lint/tidy.t tests/build/again.t $(wildcard tests/valgrind/*.t tests/fuzz/*.t \
	tests/vm/*.t)
quick_tests := $(filter-out $(slow_tests),$(foreach folder,$(quick_folders),$(sort \
	$(wildcard tests/$(folder)/*.t))))
# The daily round: what needs no long wait and little of the processors.
daily_tests := $(filter-out $(slow_tests),$(sort $(wildcard tests/lint/*.t))) tests/unit/unit.t \
	tests/build/binary.t $(patsubst %,tests/cli/%.t,accounts boot boot_script certificate_script check \
	daemon_start golden known platform settings state_disk state_events sysctl tls)
test_environment = BUILD=$(abspath $(BUILD)) DL=$(abspath $(DL)) \
	HOLDFAST=$(abspath $(BUILD)/holdfast) FUZZ_SECONDS=$(FUZZ_SECONDS)

unit: $(unit_built)
	$(Q)$(test_environment) prove tests/unit

valgrind: $(plain_built)
	$(Q)$(test_environment) prove tests/valgrind

fuzz: $(fuzz_built)
	$(Q)$(test_environment) prove tests/fuzz

lint: $(call packages,check) $(host_stamp) $(components)
	$(Q)$(test_environment) prove tests/lint

check: $(call packages,check) all image $(drivers) $(unit_built) $(plain_built) $(fuzz_built)
	$(Q)$(test_environment) prove --timer -j2 \
		--rules='seq=tests/{lint/tidy,build/again,valgrind/*,fuzz/*,vm/*}.t' --rules='seq=**' \
		$(quick_tests) $(slow_tests)

# The unit tests run two at a time by themselves.
check-quick: $(call packages,check) all $(unit_built)
	$(Q)$(test_environment) prove --timer -j2 $(daily_tests)

# Each is built and tested in a copy of the tree; MUTANTS are names of its table, all where none is said.
mutate: $(call packages,check) all $(drivers) $(unit_built)
	$(Q)BUILD=$(abspath $(BUILD)) tests/mutate/run $(MUTANTS)

audit-deps: $(call packages,build)
	$(Q)agent/deps/audit.sh $(BUILD)/audit

bench: $(call packages,bench) $(call packages,check) all image $(drivers)
	$(Q)missed=0; for bench in $(shell find tests/bench -type f -perm -u+x | sort); do \
		$(test_environment) $$bench || missed=1; done; exit $$missed

format: $(call packages,check)
	$(Q)clang-format -i $$(git ls-files 'agent/*.[ch]' 'tests/*.[ch]')

# --- the image ---

image_inputs := $(shell find firmware board rootfs-overlay -type f ! -name '*.pyc')
busybox := $(DEPS)/image/bin/busybox

$(image_stamp): | $(musl_stamp)

$(BUILD)/image/made: $(BUILD)/holdfast $(image_inputs) $(deps_inputs) $(image_stamp) | $(call packages,image)
	$(Q)HOLDFAST=$(abspath $<) BUSYBOX=$(abspath $(busybox)) OUT=$(abspath $(BUILD)/image) \
		DL=$(abspath $(DL)) DL_DIR=$(DL_DIR) firmware/build.sh $(ROLES)
	@touch $@

image: $(BUILD)/image/made

demo: image
	$(Q)KEEP=$(KEEP) $(test_environment) firmware/demo.py

# --- install, clean ---

install: all
	install -D -m 0755 $(BUILD)/holdfast $(DESTDIR)$(PREFIX)/sbin/holdfast
	install -d $(DESTDIR)$(PREFIX)/bin
	ln -sf ../sbin/holdfast $(DESTDIR)$(PREFIX)/bin/securitywizard
	for page in agent/man/*.[1-8]; do install -D -m 0644 $$page \
		$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/} || exit 2; done

clean:
	rm -rf $(filter-out $(DEPS) $(DL),$(wildcard $(BUILD)/*))

distclean:
	rm -rf $(BUILD)

.PHONY: all help unit valgrind fuzz lint check check-quick mutate audit-deps bench format image demo install clean distclean
.DELETE_ON_ERROR:
.SECONDARY:
