# make fuzz: each tests/fuzz/fuzz_NAME.c against src/multistatus, src/request and src/reverse, for FUZZ_SECONDS.
#
# Built with clang's libFuzzer; where clang lacks it, or with FUZZ_CC=gcc, with standalone.c in its
# place. What is found of the corpus is kept in build/fuzz/corpus and used again; the log and the
# input that fails are beside it.

FUZZ_SECONDS ?= 60
FUZZ_LENGTH := 8192
FUZZ_SANITIZE := address,undefined
FUZZ_CC = $(call once,FUZZ_CC,echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' | \
	clang -fsanitize=fuzzer$(comma)$(FUZZ_SANITIZE) -x c -o /dev/null - 2>/dev/null && \
	echo clang || echo gcc)

FUZZ_NAMES := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_SOURCES := $(filter src/multistatus/% src/request/% src/reverse/%,$(CORE_SOURCES))
# APR's rings reckon offsets from NULL; what is really read there, the address sanitizer sees.
FUZZ_CFLAGS = -g -O1 -std=gnu99 -D_GNU_SOURCE $(LARGE_FILES) $(WARNINGS) $(INCLUDES) -include tests/fuzz/exact_pool.h \
	-fno-omit-frame-pointer -fno-sanitize-recover=all \
	$(if $(findstring clang,$(FUZZ_CC)),-fsanitize=fuzzer$(comma)$(FUZZ_SANITIZE),\
		-fsanitize=$(FUZZ_SANITIZE) tests/fuzz/standalone.c) -fno-sanitize=null,object-size

.PHONY: fuzz
fuzz: $(FUZZ_NAMES:%=build/fuzz/%) | packages
	$(Q)failed=; for name in $(FUZZ_NAMES); do \
		mkdir -p build/fuzz/corpus/$$name; \
		(cd build/fuzz && ./$$name -max_total_time=$(FUZZ_SECONDS) -max_len=$(FUZZ_LENGTH) \
			-timeout=10 -artifact_prefix=$$name- -print_final_stats=1 \
			corpus/$$name ../../tests/fuzz/corpus/$$name) > build/fuzz/$$name.log 2>&1 && \
			echo "$$name: $$(grep -e '^Done' -e ' mutated$$' build/fuzz/$$name.log)" || \
			{ tail -40 build/fuzz/$$name.log; failed="$$failed $$name"; }; \
	done; \
	if [ -n "$$failed" ]; then echo "FAILED:$$failed" >&2; exit 1; fi

build/fuzz/%: tests/fuzz/fuzz_%.c $(FUZZ_SOURCES) $(wildcard tests/fuzz/*.c tests/fuzz/*.mk) $(HEADERS) | packages
	@mkdir -p $(@D)
	$(call say,FUZZ $<)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) -o $@ $< $(FUZZ_SOURCES) $(APR_LIBS) -lexpat
