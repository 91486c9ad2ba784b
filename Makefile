# mod_dav_multistatus. "make help" tells what there is.

APXS ?= apxs
# A python3 that comes first in PATH may not be Debian's, and then lacks Debian's pytest.
PYTHON := /usr/bin/python3

# What the header says is the version.
VERSION := $(shell sed -n 's/^.define DMS_VERSION "\(.*\)"/\1/p' src/mod_dav_multistatus.h)

# The Debian packages that the build needs, and those that a goal needs beyond it: here and nowhere
# else. One that a release does not have is left out; the tests that need it are skipped.
# "package:what" is asked for only where that command or header is missing, whoever it comes from.
# With PACKAGES=no none is asked for: what is missing then shows in the build.
# apache2-bin is httpd without the init files and the running server of apache2.
PACKAGES := yes
PACKAGES_build = gcc:$(if $(filter default file,$(origin CC)),gcc,$(firstword $(CC))) libc6-dev:stdio.h \
	$(addsuffix :$(APXS),apache2-dev libapr1-dev libaprutil1-dev) libexpat1-dev:expat.h
# The build does without it, and then without DavMultistatusNames.
PACKAGES_optional := libutf8proc-dev:utf8proc.h
# Without it there is no page of HTML, and all else.
PACKAGES_all := xsltproc:xsltproc
PACKAGES_install = $(PACKAGES_all)
PACKAGES_run := apache2-bin media-types curl libaprutil1-dbd-sqlite3
PACKAGES_test = apache2-bin apache2-utils media-types check pkgconf python3-pytest python3-pytest-xdist python3-lxml openssl \
	libaprutil1-dbd-sqlite3 strace curl litmus cadaver rclone davix davfs2 nginx python3-webdavclient git \
	php-cli php-sabre-dav lighttpd lighttpd-mod-webdav e2fsprogs xfsprogs btrfs-progs mount $(BROWSER)
# A node that is not Debian's brings its own npm, and does not suffer Debian's.
BROWSER := chromium-headless-shell $(if $(shell command -v npm),,nodejs npm)
PACKAGES_test-builds = $(filter-out $(BROWSER),$(PACKAGES_test)) $(PACKAGES_all) rpm
PACKAGES_test-releases := debootstrap iproute2
PACKAGES_test-unit := check pkgconf libaprutil1-dbd-sqlite3
PACKAGES_deb := build-essential debhelper dpkg-dev lintian xsltproc $(PACKAGES_test-unit)
PACKAGES_test-package := debootstrap iproute2
PACKAGES_soak = $(filter-out $(BROWSER),$(PACKAGES_test))
PACKAGES_desktops = $(PACKAGES_test) dbus-daemon libglib2.0-bin gvfs gvfs-backends kio kde-cli-tools
PACKAGES_lint := clang clang-format clang-tidy cppcheck pyflakes3 check pkgconf libxml2-utils
PACKAGES_format := clang-format
PACKAGES_fuzz := clang libclang-rt-dev
PACKAGES_bench := apache2-bin media-types python3 curl libaprutil1-dbd-sqlite3 \
	lighttpd lighttpd-mod-webdav nginx libnginx-mod-http-dav-ext
PACKAGES_instructions := apache2-bin media-types valgrind python3-lxml libaprutil1-dbd-sqlite3

# --- what there is to build ---

comma := ,
SANITIZE ?=
B := build$(if $(SANITIZE),/san-$(subst $(comma),-,$(SANITIZE)))

MODULE := $(B)/mod_dav_multistatus.so
ADMIN := $(B)/dav-multistatus
MANUAL := $(ADMIN).8
UNIT := $(B)/unit
TEXTS := $(addprefix $(B)/dist/,mod_dav_multistatus.pc dav_multistatus.load dav_multistatus.conf)
PAGE := $(B)/mod_dav_multistatus.html
BENCH := build/bench-client build/bench-floor

# Folders that need no httpd: the unit tests are linked with these.
CORE_DIRS := src/multistatus src/request src/keys src/processes src/store src/locks src/changes src/reverse \
	src/recovery

ADMIN_SOURCES := $(sort $(wildcard src/admin/*.c))
SOURCES := mod_dav_multistatus.c $(filter-out $(ADMIN_SOURCES),$(sort $(shell find src -name '*.c')))
CORE_SOURCES := $(filter $(addsuffix /%,$(CORE_DIRS)),$(SOURCES)) $(wildcard src/repository/*.c)
UNIT_SOURCES := $(sort $(wildcard tests/unit/*.c))
HEADERS := $(sort $(shell find src tests -name '*.h'))
BENCH_SOURCES := $(sort $(wildcard tests/bench/*.c))
OTHER_MODULES := $(sort $(wildcard examples/*.c tests/http/modules/*.c))
C_FILES := $(SOURCES) $(ADMIN_SOURCES) $(UNIT_SOURCES) $(OTHER_MODULES) $(BENCH_SOURCES) $(wildcard tests/fuzz/*.c tests/http/*.c) \
	$(HEADERS)
PYTHON_FILES := $(sort $(shell find tests tools -name '*.py'))

OBJECTS := $(SOURCES:%.c=$(B)/%.o)
# The program of the same sources: with the file system, and the names of live properties.
ADMIN_OBJECTS := $(ADMIN_SOURCES:%.c=$(B)/%.o) $(CORE_SOURCES:%.c=$(B)/%.o) \
	$(patsubst %.c,$(B)/%.o,$(wildcard src/repository/fs/*.c) src/properties/live.c src/properties/checksums.c)
UNIT_OBJECTS := $(UNIT_SOURCES:%.c=$(B)/%.o) $(CORE_SOURCES:%.c=$(B)/%.o)

# --- how ---

# Asked once, and not before the packages that answer are there.
once = $(eval $(1) := $(shell $(2)))$($(1))
ifeq ($(origin CC),default)
CC = $(call once,CC,$(APXS) -q CC)
endif
# Its answers to several questions come with ";;" between them, and nothing else.
HTTPD_CFLAGS = $(call once,HTTPD_CFLAGS,\
	$(APXS) -q CFLAGS CPPFLAGS EXTRA_CPPFLAGS EXTRA_CFLAGS | tr ';' ' ')
HTTPD_LDFLAGS = $(call once,HTTPD_LDFLAGS,$(APXS) -q LDFLAGS)
INCLUDEDIR = $(call once,INCLUDEDIR,$(APXS) -q INCLUDEDIR)
LIBEXECDIR = $(call once,LIBEXECDIR,$(APXS) -q LIBEXECDIR)
SYSCONFDIR = $(call once,SYSCONFDIR,$(APXS) -q SYSCONFDIR)
SBINDIR = $(call once,SBINDIR,$(APXS) -q SBINDIR)
MANDIR = $(call once,MANDIR,$(APXS) -q mandir)
PROGNAME = $(call once,PROGNAME,$(APXS) -q progname)
EXEC_PREFIX = $(call once,EXEC_PREFIX,$(APXS) -q exp_exec_prefix)
# APR 2 has what was APR-util's, and no program that tells of that.
APR_CONFIG = $(call once,APR_CONFIG,$(APXS) -q APR_CONFIG)
APR_MAJOR = $(call once,APR_MAJOR,$(APR_CONFIG) --version | cut -d. -f1)
APU_CONFIG = $(call once,APU_CONFIG,[ "$(APR_MAJOR)" != 1 ] || $(APXS) -q APU_CONFIG)
APR_INCLUDES = $(call once,APR_INCLUDES,for config in $(APR_CONFIG) $(APU_CONFIG); do $$config --includes; done)
APR_LIBS = $(call once,APR_LIBS,for config in $(APU_CONFIG) $(APR_CONFIG); do $$config --link-ld; done)
CHECK_CFLAGS = $(call once,CHECK_CFLAGS,pkg-config --cflags check)
CHECK_LIBS = $(call once,CHECK_LIBS,pkg-config --libs check)

# Where the store is kept unless DavMultistatusStore says otherwise. Debian's localstatedir is a folder
# for lock files, which a restart of the machine empties: no place for properties.
LOCALSTATEDIR = $(call once,LOCALSTATEDIR,$(APXS) -q localstatedir)
STATE_DIR = $(if $(filter /var/lock/% /run/% /var/run/% /tmp/%,$(LOCALSTATEDIR)),/var,$(LOCALSTATEDIR))/lib/mod_dav_multistatus

# Errors in "make lint": a compiler that is newer than this code should build it all the same.
WERROR ?=
WARNINGS := -Wall -Wextra $(WERROR) -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wwrite-strings -Wformat=2 -Wvla -Wno-unused-parameter

# Files over 4 GiB on machines of 32 bits. APR's offsets have 64 everywhere.
LARGE_FILES := -D_FILE_OFFSET_BITS=64

# -isystem: our warnings are for our code, not for httpd's headers.
INCLUDES = -Isrc $(patsubst -I%,-isystem %,$(sort $(filter-out -I/usr/include,$(APR_INCLUDES)))) \
	-isystem $(INCLUDEDIR)
# The caller's CPPFLAGS and CFLAGS have the last word over httpd's, and none over what the code needs.
# Two of _FORTIFY_SOURCE would be an error of the preprocessor. With the map, no object tells where it
# was built: the same source is the same bytes anywhere.
MODULE_CFLAGS = $(if $(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),\
	$(filter-out -D_FORTIFY_SOURCE=%,$(HTTPD_CFLAGS)),$(HTTPD_CFLAGS)) -O2 $(CPPFLAGS) $(CFLAGS) \
	$(LARGE_FILES) -std=gnu99 -fPIC -fvisibility=hidden '-ffile-prefix-map=$(CURDIR)=.' \
	$(WARNINGS) $(INCLUDES) $(SANITIZE_FLAGS)
# What Debian has, and others may not: without it, one directive less.
UTF8PROC = $(call once,UTF8PROC,echo 'int x;' | $(CC) -xc -include utf8proc.h -fsyntax-only - 2>/dev/null && echo -lutf8proc)
$(B)/src/config/config.o $(B)/src/server/names.o: MODULE_CFLAGS += $(UTF8PROC:-lutf8proc=-DDMS_UTF8PROC)
$(B)/src/config/config.o $(B)/src/admin/main.o: MODULE_CFLAGS += -DDMS_STATE_DIR='"$(STATE_DIR)"'

ifneq ($(SANITIZE),)
SANITIZE_FLAGS := -fsanitize=$(SANITIZE) -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -O1 -U_FORTIFY_SOURCE
# Debian's httpd is not built with a sanitizer, so the runtime has to be there before it.
# httpd leaves memory to the end of the process on purpose: no leak check there.
SANITIZE_RUNTIMES := $(if $(findstring address,$(SANITIZE)),libasan.so) \
	$(if $(findstring thread,$(SANITIZE)),libtsan.so)
TEST_ENV = DMS_SANITIZE=$(SANITIZE) \
	DMS_LD_PRELOAD="$(strip $(foreach r,$(SANITIZE_RUNTIMES),$(shell $(CC) -print-file-name=$(r))))" \
	ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 \
	UBSAN_OPTIONS=print_stacktrace=1:abort_on_error=1 \
	TSAN_OPTIONS=halt_on_error=1:abort_on_error=1
endif

# V=1 shows the whole commands.
Q := $(if $(V),,@)
say = $(if $(V),,@echo "$(1)")

# --- goals ---

.PHONY: all packages run test test-unit test-builds test-package deb test-releases desktops soak faults waiting \
	history lint format bench instructions install uninstall dist clean help
.DELETE_ON_ERROR:

## make                       build the module and dav-multistatus in build/ (with your CFLAGS, CPPFLAGS, LDFLAGS, too)
all: $(MODULE) $(ADMIN) $(MANUAL) $(TEXTS) $(PAGE)

## make packages [FOR=test]   what these goals need, and no more: to have it before the network is gone
# Everything that any of the goals asked for needs, in one go.
packages:
	@[ "$(PACKAGES)" = no ] || CPPFLAGS="$(CPPFLAGS)" tools/install-packages.sh $(PACKAGES_build) -- $(PACKAGES_optional) \
		$(sort $(foreach goal,$(or $(MAKECMDGOALS),all) $(FOR),$(PACKAGES_$(goal))))

$(B)/%.o: %.c Makefile | packages
	@mkdir -p $(@D)
	$(call say,CC $<)
	$(Q)$(CC) $(MODULE_CFLAGS) -MMD -MP -c -o $@ $<

# A module record that -fvisibility=hidden swallowed would only show when httpd loads it.
$(MODULE): $(OBJECTS)
	$(call say,LD $@)
	$(Q)$(CC) -shared $(CFLAGS) $(SANITIZE_FLAGS) $(filter -Wl$(comma)%,$(HTTPD_LDFLAGS)) $(LDFLAGS) \
		-o $@ $^ $(APR_LIBS) -lexpat $(UTF8PROC)
	@nm -D --defined-only $@ | grep -q ' dav_multistatus_module$$' || \
		{ echo "$@: dav_multistatus_module is not exported" >&2; exit 1; }

$(ADMIN): $(ADMIN_OBJECTS)
	$(call say,LD $@)
	$(Q)$(CC) $(CFLAGS) $(SANITIZE_FLAGS) $(filter -Wl$(comma)%,$(HTTPD_LDFLAGS)) $(LDFLAGS) -o $@ $^ $(APR_LIBS) -lexpat

$(MANUAL): $(ADMIN) tools/make-man.sh
	$(call say,MAN $@)
	$(Q)tools/make-man.sh $(ADMIN) > $@

$(UNIT_SOURCES:%.c=$(B)/%.o): MODULE_CFLAGS += $(CHECK_CFLAGS)
$(UNIT): $(UNIT_OBJECTS)
	$(call say,LD $@)
	$(Q)$(CC) $(CFLAGS) $(SANITIZE_FLAGS) $(LDFLAGS) -o $@ $^ $(CHECK_LIBS) $(APR_LIBS) -lexpat

$(BENCH): build/bench-%: tests/bench/%.c Makefile | packages
	@mkdir -p $(@D)
	$(call say,CC $<)
	$(Q)$(CC) -O2 -std=gnu99 -D_GNU_SOURCE $(LARGE_FILES) $(WARNINGS) -o $@ $<

## make run [DIR=..] [PORT=..] serve a folder with a private httpd, until Ctrl-C;
##   LOGIN=user:password lets in nobody else, READONLY=1, BIND=0.0.0.0 serves the network
# make exports all of these to the script, as they were given: neither make nor a shell reads a $ or a quote in them.
override DIR := $(value DIR)
override LOGIN := $(value LOGIN)
export DIR LOGIN PORT
# However make ends, the script hears of it and stops httpd.
run: $(MODULE) | packages
	@exec setpriv --pdeathsig TERM tools/run.sh $(abspath $(MODULE)) "$$PORT" "$$DIR"

# Each file of tests as a whole by one of so many processes, which have servers of their own.
TEST_JOBS = $(shell nproc)
XDIST = $(call once,XDIST,$(PYTHON) -c 'import xdist' 2>/dev/null && echo --numprocesses=$(TEST_JOBS) --dist=loadfile)

# The modules of tests in node and in Chromium. Where npm can't fetch them, those tests fail and say so; the others run.
NODE_MODULES := build/node/installed
$(NODE_MODULES): tests/browser/package.json tests/browser/package-lock.json | packages
	@mkdir -p $(@D)
	@cp $^ $(@D)
	$(call say,NPM $(@D))
	$(Q)cd $(@D) && rm -f installed && if timeout 300 npm ci --ignore-scripts --no-audit --no-fund --prefer-offline \
		--fetch-timeout=30000 --fetch-retries=1 --fetch-retry-mintimeout=1000 >npm.log 2>&1; then touch installed; fi

# pytest's exit code where PYTEST_ARGS choose none.
NO_TESTS := 5

## make test [PYTEST_ARGS=..]  run all tests; with SANITIZE=address,undefined under sanitizers
test: $(MODULE) $(MANUAL) $(UNIT) $(NODE_MODULES) | packages
	@failed=; none=0; \
	$(UNIT) || failed="$$failed unit"; \
	run() { \
		$(TEST_ENV) DMS_MODULE=$(abspath $(MODULE)) $(PYTHON) -m pytest "$$@" \
			-o cache_dir=$(abspath build)/pytest tests/build tests/http tests/interop tests/browser $(PYTEST_ARGS); \
		case $$? in 0) ;; $(NO_TESTS)) none=$$((none + 1)) ;; *) failed="$$failed http" ;; esac; \
	}; \
	run $(XDIST) -m "not alone"; \
	run -m alone; \
	[ $$none -lt 2 ] || failed="$$failed none-chosen"; \
	if [ -n "$$failed" ]; then echo "FAILED:$$failed" >&2; exit 1; fi; \
	echo "All tests passed."

## make test-unit            the tests that need no server
test-unit: $(UNIT)
	$(UNIT)

## make test-builds           two whole builds by somebody else, without network, elsewhere: the same bytes
test-builds: all | packages
	@DMS_BUILDS=all DMS_MODULE=$(abspath $(MODULE)) $(PYTHON) -m pytest -o cache_dir=$(abspath build)/pytest \
		tests/build $(PYTEST_ARGS)

# All of them anew: "make test-releases RELEASES=sid-amd64" for one.
RELEASES := bookworm-amd64 trixie-amd64 sid-amd64 bookworm-i386 noble-amd64

## make test-releases         README's commands in chroots of Debian 12, 13, sid, and 12 on i386, and of Ubuntu
test-releases: | packages
	@tools/test-releases.sh $(RELEASES)

## make desktops              GNOME's and KDE's clients, whose packages are large
desktops: $(MODULE) | packages
	@$(TEST_ENV) DMS_MODULE=$(abspath $(MODULE)) $(PYTHON) -m pytest \
		-o cache_dir=$(abspath build)/pytest tests/interop/test_desktops.py $(PYTEST_ARGS)

## make test-package          the Debian package's life in chroots: build, upgrade, litmus, remove, purge
test-package: | packages
	@tools/test-package.sh $(RELEASES)

## make soak [SOAK=10000]     so many of each request: what the server holds stays the same
SOAK := 10000
soak: $(MODULE) | packages
	@$(TEST_ENV) DMS_SOAK=$(SOAK) DMS_TEST_SECONDS=7200 DMS_MODULE=$(abspath $(MODULE)) $(PYTHON) -m pytest \
		-o cache_dir=$(abspath build)/pytest tests/http/test_soak.py $(PYTEST_ARGS)

## make faults                each call of each write fails, or kills, on each kind of system (half an hour)
faults: $(MODULE) | packages
	@$(TEST_ENV) DMS_FAULTS=all DMS_TEST_SECONDS=3600 DMS_MODULE=$(abspath $(MODULE)) $(PYTHON) -m pytest \
		-o cache_dir=$(abspath build)/pytest tests/http/test_faults.py \
		tests/http/test_kill.py tests/http/test_store_faults.py $(PYTEST_ARGS)

## make waiting [WAIT=10]     so many times as much for others to wait for, beside a PUT a second
WAIT := 10
waiting: $(MODULE) $(ADMIN) | packages
	@$(TEST_ENV) DMS_WAIT=$(WAIT) DMS_TEST_SECONDS=3600 DMS_MODULE=$(abspath $(MODULE)) $(PYTHON) -m pytest -s \
		-o cache_dir=$(abspath build)/pytest tests/http/test_waiting.py $(PYTEST_ARGS)

## make history [HISTORY=60]  so many random histories of 16 clients, from the seed SEED on
HISTORY := 60
SEED := 1
history: $(MODULE) | packages
	@$(TEST_ENV) DMS_HISTORY=$(HISTORY) DMS_SEED=$(SEED) DMS_MODULE=$(abspath $(MODULE)) $(PYTHON) -m pytest \
		-o cache_dir=$(abspath build)/pytest tests/http/test_history.py $(PYTEST_ARGS)

# APR's, which cppcheck, without APR's headers, can't make sense of.
CPPCHECK_MACROS := '-DAPR_DECLARE_EXTERNAL_HOOK(ns,link,ret,name,args)=' \
	'-DAPR_IMPLEMENT_OPTIONAL_HOOK_RUN_ALL(ns,link,ret,name,args,use,ok,decline)='

# All that is compiled, for the warnings alone.
.PHONY: objects
$(OTHER_MODULES:%.c=$(B)/%.o): MODULE_CFLAGS += -Wno-missing-field-initializers
objects: $(OBJECTS) $(ADMIN_OBJECTS) $(UNIT_OBJECTS) $(OTHER_MODULES:%.c=$(B)/%.o) $(BENCH_SOURCES:%.c=$(B)/%.o)

## make lint                  warnings of gcc and clang, style, static analysis, the manual; any finding is an error
lint: | packages
	$(Q)for compiler in gcc clang; do \
		$(MAKE) --no-print-directory B=build/lint-$$compiler CC=$$compiler WERROR=-Werror objects || exit; \
	done
	$(Q)clang-format --dry-run -Werror $(C_FILES)
	$(Q)tools/check-style.sh "$(CORE_DIRS)" $(C_FILES)
	$(Q)tools/check-layers.py build/lint-gcc
	$(Q)cppcheck --quiet --error-exitcode=1 --std=c99 --inline-suppr \
		--enable=warning,performance,portability --library=posix \
		--suppress=readdirCalled $(CPPCHECK_MACROS) -Isrc \
		$(SOURCES) $(ADMIN_SOURCES) $(OTHER_MODULES) $(BENCH_SOURCES)
	$(Q)printf '%s\n' $(SOURCES) $(ADMIN_SOURCES) $(OTHER_MODULES) $(BENCH_SOURCES) | \
		xargs -P "$$(nproc)" -n 4 \
		sh -c 'clang-tidy --quiet "$$@" -- -std=gnu99 -D_GNU_SOURCE $(INCLUDES) 2>/dev/null' -
	$(Q)pyflakes3 $(PYTHON_FILES)
	$(Q)xmllint --nonet --noout --valid docs/mod_dav_multistatus.xml
	$(if $(HTTPD_MANUAL),$(Q)sed 's|"style/|"$(HTTPD_MANUAL)/style/|' docs/mod_dav_multistatus.xml | \
		xmllint --nonet --noout --valid -)
	@echo "Nothing found."

## make format                let clang-format rewrite the C sources
format: | packages
	$(Q)clang-format -i $(C_FILES)

## make bench [BENCH_ARGS=..]  measure beside mod_dav_fs and beside the disk's own limit
bench: $(MODULE) $(BENCH) | packages
	@$(PYTHON) tests/bench/bench.py $(BENCH_ARGS)

## make instructions          what a request costs, counted by valgrind, beside what is known; fails beyond 20 % more
instructions: $(MODULE) | packages
	@DMS_MODULE=$(abspath $(MODULE)) $(PYTHON) tests/bench/instructions.py $(INSTRUCTIONS_ARGS)

## make fuzz [FUZZ_SECONDS=60] feed the parsers what nobody would write, each for so long
include tests/fuzz/fuzz.mk

$(TEXTS): $(B)/%: % Makefile src/mod_dav_multistatus.h | packages
	@mkdir -p $(@D)
	$(Q)sed -e 's|@LIBEXECDIR@|$(LIBEXECDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' -e 's|@VERSION@|$(VERSION)|' \
		-e 's|@STATE_DIR@|$(STATE_DIR)|' -e 's|@APR@|$(if $(APU_CONFIG),apr-1 apr-util-1,apr-$(APR_MAJOR))|' $< >$@

$(PAGE): docs/mod_dav_multistatus.xml docs/style/manual.xsl src/mod_dav_multistatus.h | packages
	@mkdir -p $(@D)
	$(Q)if command -v xsltproc >/dev/null; then \
		xsltproc --nonet --novalid --stringparam version "$(VERSION)" -o $@ docs/style/manual.xsl $<; \
	else echo "No xsltproc, so no $@" >&2; fi

# Debian's name for httpd goes with its mods-available and a2enmod.
INSTALLED_MODULE = $(LIBEXECDIR)/mod_dav_multistatus.so
INSTALLED_HEADER = $(INCLUDEDIR)/mod_dav_multistatus.h
INSTALLED_PC = $(EXEC_PREFIX)/share/pkgconfig/mod_dav_multistatus.pc
MODS_AVAILABLE = $(SYSCONFDIR)/mods-available
INSTALLED_LOAD = $(if $(filter apache2,$(PROGNAME)),$(MODS_AVAILABLE)/dav_multistatus.load)
INSTALLED_ADMIN = $(SBINDIR)/dav-multistatus
INSTALLED_MANUAL = $(MANDIR)/man8/dav-multistatus.8
INSTALLED_DOCS = $(EXEC_PREFIX)/share/doc/mod_dav_multistatus
DOCS := $(PAGE) $(wildcard docs/*.md)
INSTALLED = $(INSTALLED_MODULE) $(INSTALLED_HEADER) $(INSTALLED_PC) $(INSTALLED_ADMIN) $(INSTALLED_MANUAL) $(INSTALLED_LOAD) \
	$(addprefix $(INSTALLED_DOCS)/,$(notdir $(DOCS)))
CONF = "$(DESTDIR)$(MODS_AVAILABLE)/dav_multistatus.conf"

## make install               into httpd's modules, for "a2enmod dav_multistatus" (honours DESTDIR)
# What an administrator may have changed stays.
install: all
	$(Q)install -d $(foreach folder,$(sort $(dir $(INSTALLED))),"$(DESTDIR)$(folder)")
	$(Q)install -m 755 $(MODULE) "$(DESTDIR)$(INSTALLED_MODULE)"
	$(Q)install -m 755 $(ADMIN) "$(DESTDIR)$(INSTALLED_ADMIN)"
	$(Q)install -m 644 $(MANUAL) "$(DESTDIR)$(INSTALLED_MANUAL)"
	$(Q)install -m 644 src/mod_dav_multistatus.h "$(DESTDIR)$(INSTALLED_HEADER)"
	$(Q)install -m 644 $(B)/dist/mod_dav_multistatus.pc "$(DESTDIR)$(INSTALLED_PC)"
	$(Q)for page in $(DOCS); do [ ! -e $$page ] || install -m 644 $$page "$(DESTDIR)$(INSTALLED_DOCS)"; done
	$(if $(INSTALLED_LOAD),$(Q)install -m 644 $(B)/dist/dav_multistatus.load "$(DESTDIR)$(INSTALLED_LOAD)")
	$(if $(INSTALLED_LOAD),$(Q)[ -e $(CONF) ] || install -m 644 $(B)/dist/dav_multistatus.conf $(CONF))
	@echo 'Installed: LoadModule dav_multistatus_module $(INSTALLED_MODULE)'

## make uninstall             removes what "make install" has installed
uninstall: $(TEXTS)
	rm -f $(foreach file,$(INSTALLED),"$(DESTDIR)$(file)")
	-rmdir "$(DESTDIR)$(INSTALLED_DOCS)"
	! cmp -s $(B)/dist/dav_multistatus.conf $(CONF) || rm -f $(CONF)

## make deb                   Debian packages of the tree as it is, in build/deb, and what lintian says
deb: | packages
	@tools/make-deb.sh

# Of what is committed. It builds without git.
DIST := mod_dav_multistatus-$(VERSION)
DIST_DIR := build

## make dist                  build/mod_dav_multistatus-VERSION.tar.gz, of the last commit
dist:
	@mkdir -p $(DIST_DIR)
	git archive --prefix=$(DIST)/ --output=$(DIST_DIR)/$(DIST).tar.gz HEAD

## make clean                 remove build/
clean:
	rm -rf --one-file-system build

help:
	@sed -n 's/^## //p' Makefile

-include $(OBJECTS:.o=.d) $(ADMIN_OBJECTS:.o=.d) $(UNIT_OBJECTS:.o=.d)
