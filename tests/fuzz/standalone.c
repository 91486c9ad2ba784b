/*
 * Stands in for libFuzzer where there is no clang: mutates the corpus without knowing what the code
 * does with it, under the same sanitizers.
 *
 *     fuzz_if [-max_total_time=SECONDS] [-max_len=BYTES] FOLDER_OR_FILE...
 *
 * Of libFuzzer's options it takes these two. The input at hand is kept in crash-standalone in the
 * working folder where the process dies.
 */
#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LONGEST 65536
#define MOST 4096

typedef struct input_t {
    uint8_t *bytes;
    size_t size;
} input_t;

static input_t corpus[MOST];
static size_t corpus_size;
static uint8_t current[LONGEST];
static size_t current_size, max_size = 8192;
static uint64_t state = 88172645463325252ULL;

void __sanitizer_set_death_callback(void (*callback)(void));

static void keep_current(void)
{
    int fd = open("crash-standalone", O_WRONLY | O_CREAT | O_TRUNC, 0644);

    if (fd < 0 || write(fd, current, current_size) != (ssize_t)current_size) {
        perror("crash-standalone");
    }
}

static void on_abort(int signal_number)
{
    keep_current();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static size_t below(size_t limit)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return limit ? (size_t)((state >> 16) % limit) : 0;
}

static void read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    input_t *input = &corpus[corpus_size];

    if (!file || corpus_size == MOST || !(input->bytes = malloc(max_size))) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    input->size = fread(input->bytes, 1, max_size, file);
    fclose(file);
    corpus_size++;
}

static void read_folder(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    char name[4096];

    if (!folder) { /* a file */
        read_file(path);
        return;
    }
    while ((entry = readdir(folder))) {
        if (entry->d_name[0] != '.') {
            snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
            read_file(name);
        }
    }
    closedir(folder);
}

/* Replaces some bytes by those of an input, or by random ones. */
static void replace_some(void)
{
    const input_t *other = &corpus[below(corpus_size)];
    size_t at = below(current_size + 1);
    size_t cut = below(3) ? below(4) : below(current_size + 1);
    size_t from = below(other->size), added = below(2) ? below(4) : below(other->size + 1);
    size_t rest, i;

    cut = cut > current_size - at ? current_size - at : cut;
    added = added > other->size - from ? other->size - from : added;
    if (current_size - cut + added > max_size) {
        return;
    }
    rest = current_size - at - cut;
    memmove(current + at + added, current + at + cut, rest);
    for (i = 0; i < added; i++) {
        current[at + i] = below(16) ? other->bytes[from + i] : (uint8_t)below(256);
    }
    current_size = at + added + rest;
}

static void mutate(void)
{
    const input_t *input = &corpus[below(corpus_size)];
    size_t times = 1 + below(8);

    current_size = input->size;
    memcpy(current, input->bytes, input->size);
    while (times--) {
        replace_some();
        if (current_size && below(2)) {
            current[below(current_size)] ^= (uint8_t)(1 << below(8));
        }
    }
}

static void take(void)
{
    LLVMFuzzerTestOneInput(current, current_size);
}

int main(int argc, char **argv)
{
    long seconds = 60;
    unsigned long runs = 0;
    time_t begin = time(NULL);
    size_t i;
    int a;

    for (a = 1; a < argc; a++) {
        if (!strncmp(argv[a], "-max_total_time=", 16)) {
            seconds = strtol(argv[a] + 16, NULL, 10);
        }
        else if (!strncmp(argv[a], "-max_len=", 9)) {
            max_size = strtoul(argv[a] + 9, NULL, 10);
            max_size = max_size > LONGEST ? LONGEST : max_size;
        }
        else if (argv[a][0] != '-') {
            read_folder(argv[a]);
        }
    }
    if (!corpus_size) {
        fprintf(stderr, "no corpus\n");
        return EXIT_FAILURE;
    }
    signal(SIGABRT, on_abort);
    __sanitizer_set_death_callback(keep_current);
    for (i = 0; i < corpus_size; i++) {
        current_size = corpus[i].size;
        memcpy(current, corpus[i].bytes, current_size);
        take();
    }
    for (; time(NULL) - begin < seconds; runs++) {
        mutate();
        take();
    }
    printf("%zu of the corpus and %lu mutated\n", corpus_size, runs);
    return EXIT_SUCCESS;
}
