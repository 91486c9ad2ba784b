/*
 * The command line: options, help, and what all commands need.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <apr_file_info.h>
#include <apr_general.h>
#include <apr_getopt.h>
#include <apr_strings.h>

#include "admin/owner.h"
#include "admin/tell.h"
#include "processes/processes.h"
#include "repository/fs/own.h"

/* As in config/config.c. */
#ifndef DMS_STATE_DIR
#define DMS_STATE_DIR "/var/lib/mod_dav_multistatus"
#endif
#define DEFAULT_STORE DMS_STATE_DIR "/store.db"

static const dms_admin_command_t *const commands[] = {
    &dms_admin_locks,  &dms_admin_unlock,     &dms_admin_show,   &dms_admin_export,
    &dms_admin_import, &dms_admin_import_dav, &dms_admin_rename, &dms_admin_compare,
    &dms_admin_check,  &dms_admin_recount,    &dms_admin_backup, NULL,
};

/* All commands take the first two; which take the others they say. */
static const apr_getopt_option_t options[] = {
    {"store", 's', 1, "FILE: the store, as DavMultistatusStore names it (" DEFAULT_STORE ")"},
    {"help", 'h', 0, "this text"},
    {"below", 'b', 0, "what is below a path, too"},
    {"dry-run", 'n', 0, "change nothing; say what would be"},
    {"lock-db", 'l', 1, "FILE: mod_dav's DavLockDB"},
    {"mend", 'm', 0, "set right what is found"},
    {"url", 'u', 1, "URL: the path by which clients reach a folder"},
    {"user", 'U', 1, "NAME: whose properties are"},
    {"version", 'V', 0, "which version this is"},
    {NULL, 0, 0, NULL},
};

/* --- help --- */

static void print_command(const dms_admin_command_t *command)
{
    const apr_getopt_option_t *option;

    printf("  %s", command->name);
    for (option = options + 2; option->name; option++) {
        if (strchr(command->options, option->optch)) {
            printf(" [--%s%s]", option->name, option->has_arg ? "=..." : "");
        }
    }
    printf(" %s\n", command->arguments);
    dms_print_indented("      ", command->help);
}

static void print_help(void)
{
    const dms_admin_command_t *const *command;
    const apr_getopt_option_t *option;

    puts("Usage: dav-multistatus [--store=FILE] COMMAND [OPTION ...] [ARGUMENT ...]\n"
         "\n"
         "Looks after the store of mod_dav_multistatus, in which httpd keeps the\n"
         "properties and locks of WebDAV resources, while the server runs or not. Started\n"
         "as root, it becomes the owner of the store first, which is the server's User.\n"
         "\n"
         "A PATH is one on the disk, as the server's configuration has it. Paths are\n"
         "printed percent-encoded.\n"
         "\nCommands:");
    for (command = commands; *command; command++) {
        putchar('\n');
        print_command(*command);
    }
    puts("\nOptions:\n");
    for (option = options; option->name; option++) {
        printf("  -%c, --%s\n      %s\n", option->optch, option->name, option->description);
    }
    puts("\nExit status:\n\n"
         "  0\n      all is done, and nothing is wrong\n"
         "  1\n      something is wrong, or was left as it was, which is told\n"
         "  2\n      the command line can't be understood\n"
         "  3\n      the store can't be used, or a file that was named");
}

/* --- the command line --- */

static int complain(const char *what, const char *name)
{
    dms_tell(APR_SUCCESS, "%s%s; --help tells what there is", name, what);
    return DMS_ADMIN_USAGE;
}

/* Returns whether the command takes the option. */
static int set_option(dms_admin_t *admin, const dms_admin_command_t *command, int letter,
                      const char *value)
{
    switch (letter) {
    case 's':
        admin->file = value;
        return 1;
    case 'b':
        admin->is_below = 1;
        break;
    case 'n':
        admin->is_dry = 1;
        break;
    case 'm':
        admin->mends = 1;
        break;
    case 'l':
        admin->lock_db = value;
        break;
    case 'u':
        admin->url = value;
        break;
    default:
        admin->user = value;
        break;
    }
    return strchr(command->options, letter) != NULL;
}

static const char *name_of_option(int letter)
{
    const apr_getopt_option_t *option = options;

    while (option->optch != letter) {
        option++;
    }
    return option->name;
}

static const dms_admin_command_t *find_command(const char *name)
{
    const dms_admin_command_t *const *command;

    for (command = commands; *command && strcmp((*command)->name, name) != 0; command++) {
    }
    return *command;
}

/* The command's name, which is the first argument that is no option. */
static int name_command(int argc, const char *const *argv, const dms_admin_command_t **command)
{
    apr_getopt_t *getopt;
    const char *value;
    int letter;
    apr_status_t rv = APR_SUCCESS;
    apr_pool_t *pool;

    *command = NULL;
    apr_pool_create(&pool, NULL);
    apr_getopt_init(&getopt, pool, argc, argv);
    getopt->interleave = 1;
    while (rv == APR_SUCCESS) {
        rv = apr_getopt_long(getopt, options, &letter, &value);
        if (rv == APR_SUCCESS && letter == 'h') {
            print_help();
            return DMS_ADMIN_DONE;
        }
        if (rv == APR_SUCCESS && letter == 'V') {
            puts("dav-multistatus " DMS_VERSION);
            return DMS_ADMIN_DONE;
        }
    }
    if (rv != APR_EOF) { /* which getopt has told */
        return complain("no such option", "");
    }
    if (getopt->ind == argc) {
        return complain("a command is wanted", "");
    }
    *command = find_command(getopt->argv[getopt->ind]);
    return *command ? DMS_ADMIN_DONE : complain(": no such command", getopt->argv[getopt->ind]);
}

static int read_options(dms_admin_t *admin, int argc, const char *const *argv,
                        const dms_admin_command_t *command)
{
    apr_getopt_t *getopt;
    const char *value;
    int letter, count;

    apr_getopt_init(&getopt, admin->pool, argc, argv);
    getopt->interleave = 1;
    while (apr_getopt_long(getopt, options, &letter, &value) == APR_SUCCESS) {
        if (!set_option(admin, command, letter, value)) {
            return complain(apr_psprintf(admin->pool, " takes no --%s", name_of_option(letter)),
                            command->name);
        }
    }
    count = argc - getopt->ind - 1;
    admin->arguments = (const char *const *)getopt->argv + getopt->ind + 1;
    if (count < command->fewest || count > command->most) {
        return complain(apr_pstrcat(admin->pool, " takes ",
                                    command->most ? command->arguments : "no argument", NULL),
                        command->name);
    }
    return DMS_ADMIN_DONE;
}

/* --- what a command needs --- */

static apr_status_t open_argument(dms_admin_t *admin, const dms_admin_command_t *command)
{
    const char *file = *admin->arguments;
    struct stat st;

    admin->argument = command->opens == DMS_ADMIN_READS
                          ? open(file, O_RDONLY | O_CLOEXEC)
                          : open(file, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (admin->argument < 0 || fstat(admin->argument, &st)) {
        return dms_tell(errno, "%s", file);
    }
    if (command->opens == DMS_ADMIN_WRITES && (!S_ISREG(st.st_mode) || st.st_size)) {
        return dms_tell(EEXIST, "%s", file);
    }
    return APR_SUCCESS;
}

/* The file is opened with the rights of who has started the program, since the store's owner may
 * have fewer there; but not where that one says which file it is. */
static apr_status_t become_owner(dms_admin_t *admin, const dms_admin_command_t *command)
{
    const char *file = command->opens == DMS_ADMIN_NO_FILE ? NULL : *admin->arguments;
    int is_late = file && dms_owner_may_turn(admin->file, file, admin->pool);
    apr_status_t rv = dms_owner_find(admin->file); /* before a file is made for it */

    if (rv == APR_SUCCESS && file && !is_late) {
        rv = open_argument(admin, command);
    }
    if (rv == APR_SUCCESS) {
        rv = dms_become_owner(admin->file, admin->pool);
    }
    return rv == APR_SUCCESS && is_late ? open_argument(admin, command) : rv;
}

/* A dms_store_log_fn. */
static void log_store(void *baton, apr_status_t status, const char *message)
{
    if (status != APR_SUCCESS) {
        dms_tell(status, "%s", message);
    }
}

/* Whether a file begins as SQLite's do: nothing is made beside another one. */
static int is_database(const char *file)
{
    static const char magic[16] = "SQLite format 3";
    char begin[sizeof(magic)];
    int fd = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, begin, sizeof(begin));

    if (fd >= 0) {
        close(fd);
    }
    return length == sizeof(magic) && !memcmp(begin, magic, sizeof(magic));
}

static apr_status_t open_store(dms_admin_t *admin)
{
    const char *folder = apr_pstrcat(admin->pool, admin->file, DMS_OWN_PROCESSES, NULL);
    apr_status_t rv;

    if (!is_database(admin->file)) {
        return dms_tell(APR_EGENERAL, "%s is no store that can be read; --store names another",
                        admin->file);
    }
    dms_own_set(admin->file);
    rv = dms_processes_join(folder);
    if (rv != APR_SUCCESS) {
        dms_tell(rv, "%s: others may not find out where this process is killed", folder);
    }
    rv = dms_store_create(admin->pool, "sqlite3", admin->file, 1, log_store, NULL, &admin->store);
    dms_store_be_guest(admin->store);
    /* So that a sum which is not true any more is not taken for true by the next who counts. */
    dms_store_count_space(admin->store, admin->pool);
    return rv;
}

static int run(dms_admin_t *admin, const dms_admin_command_t *command)
{
    char *file;
    apr_status_t rv = apr_filepath_merge(&file, NULL, admin->file, 0, admin->pool);

    admin->file = file; /* absolute */
    if (rv == APR_SUCCESS) {
        rv = become_owner(admin, command);
    }
    if (rv == APR_SUCCESS) {
        rv = open_store(admin);
    }
    if (rv == APR_SUCCESS) {
        rv = command->run(admin);
    }
    if (fflush(stdout) && rv == APR_SUCCESS) {
        rv = dms_tell(errno, "standard output");
    }
    return rv != APR_SUCCESS ? DMS_ADMIN_FAILED : admin->is_left ? DMS_ADMIN_LEFT : DMS_ADMIN_DONE;
}

int main(int argc, const char *const *argv)
{
    const dms_admin_command_t *command;
    dms_admin_t admin = {.file = DEFAULT_STORE, .argument = -1, .user = ""};
    int code;

    if (apr_app_initialize(&argc, &argv, NULL) != APR_SUCCESS) {
        return DMS_ADMIN_FAILED;
    }
    atexit(apr_terminate);
    apr_pool_create(&admin.pool, NULL);
    code = name_command(argc, argv, &command);
    if (command && code == DMS_ADMIN_DONE) {
        code = read_options(&admin, argc, argv, command);
    }
    return command && code == DMS_ADMIN_DONE ? run(&admin, command) : code;
}
