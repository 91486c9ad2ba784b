/*
 * A library to preload into httpd: it counts and writes down the calls that touch what a server
 * serves or its store, has one of them fail or kill the process, and has the system lack what not
 * every system has. tests/http/shim.py builds it and sets what is in the file that both map.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define KILL (-1)
#define STOP (-2)
#define LOG_SIZE (1 << 18)

/* As in shim.py. */
enum { DATA = 1, STORE = 2, ALL_LATER = 4 };
enum {
    NO_TMPFILE = 1,
    NO_PROC = 2,
    NO_RENAME_FLAGS = 4,
    NO_OPENAT2 = 8,
    NO_STATX = 16,
    NO_BIRTH = 32,
    NO_CLONE = 64,
    NO_HOLES = 128,
    NO_FLOCK = 256,
    NO_LINK = 512,
    OVERLAY = 1024 /* an exchange is EXDEV */
};

typedef struct control_t {
    uint32_t is_armed;
    uint32_t places; /* a set of DATA and STORE: whose calls count */
    uint32_t which;  /* which of them is struck, with ALL_LATER from which on; 0: none */
    int32_t error;   /* with what: errno, or one of the above */
    uint32_t lacks;  /* a set of the above */
    uint32_t count;  /* how many there were */
    uint32_t length; /* of the log */
    uint32_t pid;    /* of who has been killed */
    char call[16];   /* the only one that counts; "": all do */
    char data[512];  /* the folder that is served */
    char store[512]; /* that of the store */
    char log[LOG_SIZE];
} control_t;

static control_t *control;

static void *find(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

#define REAL(type, name, ...)                                                                      \
    static type (*real)(__VA_ARGS__);                                                              \
    if (!real) {                                                                                   \
        *(void **)&real = find(name);                                                              \
    }

__attribute__((constructor)) static void map_control(void)
{
    const char *path = getenv("DMS_SHIM");
    int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
    void *mapped;

    if (fd >= 0) {
        mapped = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        control = mapped == MAP_FAILED ? NULL : mapped;
        syscall(SYS_close, fd);
    }
}

static int lacks(unsigned int what)
{
    return control && control->lacks & what;
}

/* The whole path of what a call is about, as well as it can be told. */
static void tell_path(int fd, const char *name, char *path, size_t size)
{
    char link[32];
    ssize_t length = 0;

    path[0] = '\0';
    if (!name || name[0] != '/') {
        if (fd == AT_FDCWD) {
            return;
        }
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        length = readlink(link, path, size - 1);
        path[length < 0 ? 0 : length] = '\0';
    }
    if (name && *name) {
        snprintf(path + strlen(path), size - strlen(path), "%s%s", name[0] == '/' ? "" : "/", name);
    }
}

static int is_in(const char *path, const char *folder)
{
    return *folder && !strncmp(path, folder, strlen(folder));
}

static void note(uint32_t number, const char *call, const char *path, const char *more)
{
    char line[2200];
    int length = snprintf(line, sizeof(line), "%u\t%s\t%s\t%s\n", number, call, path,
                          more ? more : "");
    uint32_t at = __atomic_fetch_add(&control->length, (uint32_t)length, __ATOMIC_SEQ_CST);

    if (at + (uint32_t)length < LOG_SIZE) {
        memcpy(control->log + at, line, (size_t)length);
    }
}

/* Whether this call is the one that fails: errno is set. */
static int is_struck(const char *call, int fd, const char *name, const char *more)
{
    char path[1024];
    int before = errno, place;
    uint32_t number = 0;

    if (!control || !control->is_armed) {
        return 0;
    }
    tell_path(fd, name, path, sizeof(path));
    place = is_in(path, control->data) ? DATA : is_in(path, control->store) ? STORE : 0;
    errno = before;
    if (!place) {
        return 0;
    }
    if (control->places & (uint32_t)place && (!*control->call || !strcmp(control->call, call))) {
        number = __atomic_add_fetch(&control->count, 1, __ATOMIC_SEQ_CST);
    }
    note(number, call, path, more);
    if (!number || !control->which
        || (control->places & ALL_LATER ? number < control->which : number != control->which)) {
        return 0;
    }
    if (control->error == KILL) {
        control->pid = (uint32_t)getpid();
        kill(getpid(), SIGKILL);
        for (;;) {
            pause();
        }
    }
    if (control->error == STOP) {
        /* This thread at once, then all the others; until SIGCONT. */
        raise(SIGSTOP);
        return 0;
    }
    errno = control->error;
    return 1;
}

static int fail(int error)
{
    errno = error;
    return -1;
}

static int is_proc(const char *path)
{
    return !strncmp(path, "/proc/self/fd/", 14);
}

/* --- opening --- */

static int open_struck(int fd, const char *name, int flags)
{
    if ((flags & O_TMPFILE) == O_TMPFILE && lacks(NO_TMPFILE)) {
        errno = EOPNOTSUPP;
        return 1;
    }
    return is_struck((flags & O_TMPFILE) == O_TMPFILE ? "tmpfile"
                     : flags & O_CREAT                ? "create"
                                                      : "open",
                     fd, name, NULL);
}

#define OPEN(function)                                                                             \
    EXPORT int function(const char *name, int flags, ...)                                          \
    {                                                                                              \
        va_list arguments;                                                                         \
        mode_t mode;                                                                               \
        REAL(int, #function, const char *, int, ...)                                               \
        va_start(arguments, flags);                                                                \
        mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;                      \
        va_end(arguments);                                                                         \
        return open_struck(AT_FDCWD, name, flags) ? -1 : real(name, flags, mode);                  \
    }

#define OPENAT(function)                                                                           \
    EXPORT int function(int fd, const char *name, int flags, ...)                                  \
    {                                                                                              \
        va_list arguments;                                                                         \
        mode_t mode;                                                                               \
        REAL(int, #function, int, const char *, int, ...)                                          \
        va_start(arguments, flags);                                                                \
        mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;                      \
        va_end(arguments);                                                                         \
        return open_struck(fd, name, flags) ? -1 : real(fd, name, flags, mode);                    \
    }

EXPORT int __open64_2(const char *name, int flags);
EXPORT int __openat64_2(int fd, const char *name, int flags);

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

EXPORT int __open64_2(const char *name, int flags)
{
    return open64(name, flags);
}

EXPORT int __openat64_2(int fd, const char *name, int flags)
{
    return openat64(fd, name, flags);
}

EXPORT int close(int fd)
{
    REAL(int, "close", int)
    int struck = is_struck("close", fd, NULL, NULL), error = errno;
    int rv = real(fd);

    return struck ? fail(error) : rv;
}

EXPORT int dup(int fd)
{
    REAL(int, "dup", int)
    return is_struck("dup", fd, NULL, NULL) ? -1 : real(fd);
}

EXPORT int access(const char *name, int mode)
{
    REAL(int, "access", const char *, int)
    if (is_proc(name) && lacks(NO_PROC)) {
        return fail(ENOENT);
    }
    return real(name, mode);
}

/* --- looking --- */

EXPORT int statx(int fd, const char *name, int flags, unsigned int mask, struct statx *st)
{
    int rv;
    REAL(int, "statx", int, const char *, int, unsigned int, struct statx *)

    if (lacks(NO_STATX)) {
        return fail(ENOSYS);
    }
    rv = is_struck("stat", fd, name, NULL) ? -1 : real(fd, name, flags, mask, st);
    if (rv == 0 && lacks(NO_BIRTH)) {
        st->stx_mask &= ~(unsigned int)STATX_BTIME;
    }
    return rv;
}

/* --- content --- */

EXPORT ssize_t read(int fd, void *bytes, size_t size)
{
    REAL(ssize_t, "read", int, void *, size_t)
    return is_struck("read", fd, NULL, NULL) ? -1 : real(fd, bytes, size);
}

EXPORT ssize_t pread64(int fd, void *bytes, size_t size, off64_t at)
{
    REAL(ssize_t, "pread64", int, void *, size_t, off64_t)
    return is_struck("read", fd, NULL, NULL) ? -1 : real(fd, bytes, size, at);
}

EXPORT ssize_t write(int fd, const void *bytes, size_t size)
{
    REAL(ssize_t, "write", int, const void *, size_t)
    return is_struck("write", fd, NULL, NULL) ? -1 : real(fd, bytes, size);
}

EXPORT ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at)
{
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t)
    return is_struck("write", fd, NULL, NULL) ? -1 : real(fd, bytes, size, at);
}

EXPORT int ftruncate64(int fd, off64_t size)
{
    REAL(int, "ftruncate64", int, off64_t)
    return is_struck("truncate", fd, NULL, NULL) ? -1 : real(fd, size);
}

EXPORT off64_t lseek64(int fd, off64_t at, int whence)
{
    REAL(off64_t, "lseek64", int, off64_t, int)
    if ((whence == SEEK_DATA || whence == SEEK_HOLE) && lacks(NO_HOLES)) {
        return fail(EINVAL);
    }
    return is_struck("seek", fd, NULL, NULL) ? -1 : real(fd, at, whence);
}

EXPORT int ioctl(int fd, unsigned long request, ...)
{
    va_list arguments;
    void *argument;
    REAL(int, "ioctl", int, unsigned long, ...)

    va_start(arguments, request);
    argument = va_arg(arguments, void *);
    va_end(arguments);
    if (request == FICLONE && lacks(NO_CLONE)) {
        return fail(EOPNOTSUPP);
    }
    return real(fd, request, argument);
}

EXPORT int fsync(int fd)
{
    REAL(int, "fsync", int)
    return is_struck("sync", fd, NULL, NULL) ? -1 : real(fd);
}

EXPORT int fdatasync(int fd)
{
    REAL(int, "fdatasync", int)
    return is_struck("sync", fd, NULL, NULL) ? -1 : real(fd);
}

EXPORT int fchmod(int fd, mode_t mode)
{
    REAL(int, "fchmod", int, mode_t)
    return is_struck("chmod", fd, NULL, NULL) ? -1 : real(fd, mode);
}

EXPORT int futimens(int fd, const struct timespec times[2])
{
    REAL(int, "futimens", int, const struct timespec *)
    return is_struck("utimens", fd, NULL, NULL) ? -1 : real(fd, times);
}

EXPORT int utimensat(int fd, const char *name, const struct timespec times[2], int flags)
{
    REAL(int, "utimensat", int, const char *, const struct timespec *, int)
    return is_struck("utimens", fd, name, NULL) ? -1 : real(fd, name, times, flags);
}

EXPORT int flock(int fd, int operation)
{
    REAL(int, "flock", int, int)
    return lacks(NO_FLOCK) ? fail(ENOLCK) : real(fd, operation);
}

/* --- names --- */

EXPORT int linkat(int from, const char *name, int to, const char *to_name, int flags)
{
    REAL(int, "linkat", int, const char *, int, const char *, int)
    if (is_proc(name) && lacks(NO_PROC)) {
        return fail(ENOENT);
    }
    if (!is_proc(name) && lacks(NO_LINK)) {
        return fail(EPERM);
    }
    return is_struck("link", to, to_name, NULL) ? -1 : real(from, name, to, to_name, flags);
}

EXPORT int renameat(int from, const char *name, int to, const char *to_name)
{
    char target[1024];
    REAL(int, "renameat", int, const char *, int, const char *)

    tell_path(to, to_name, target, sizeof(target));
    return is_struck("rename", from, name, target) ? -1 : real(from, name, to, to_name);
}

EXPORT int unlinkat(int fd, const char *name, int flags)
{
    REAL(int, "unlinkat", int, const char *, int)
    return is_struck("unlink", fd, name, NULL) ? -1 : real(fd, name, flags);
}

EXPORT int unlink(const char *name)
{
    REAL(int, "unlink", const char *)
    return is_struck("unlink", AT_FDCWD, name, NULL) ? -1 : real(name);
}

EXPORT int mkdirat(int fd, const char *name, mode_t mode)
{
    REAL(int, "mkdirat", int, const char *, mode_t)
    return is_struck("mkdir", fd, name, NULL) ? -1 : real(fd, name, mode);
}

EXPORT int symlinkat(const char *target, int fd, const char *name)
{
    REAL(int, "symlinkat", const char *, int, const char *)
    return is_struck("symlink", fd, name, target) ? -1 : real(target, fd, name);
}

/* --- those without a function of their own --- */

static int rename_struck(int from, const char *name, int to, const char *to_name, long flags)
{
    char target[1024];

    if (flags && lacks(NO_RENAME_FLAGS)) {
        errno = EINVAL;
        return 1;
    }
    if (flags & RENAME_EXCHANGE && lacks(OVERLAY)) {
        errno = EXDEV;
        return 1;
    }
    tell_path(to, to_name, target, sizeof(target));
    return is_struck(flags & RENAME_EXCHANGE ? "exchange" : "rename", from, name, target);
}

static int call_struck(long number, const long *a)
{
    switch (number) {
    case SYS_renameat2:
        return rename_struck((int)a[0], (const char *)a[1], (int)a[2], (const char *)a[3], a[4]);
    case SYS_openat2:
        if (lacks(NO_OPENAT2)) {
            errno = ENOSYS;
            return 1;
        }
        return is_struck("open", (int)a[0], (const char *)a[1], NULL);
    case SYS_copy_file_range:
        if (lacks(NO_CLONE)) {
            errno = ENOSYS;
            return 1;
        }
        return is_struck("copy", (int)a[2], NULL, NULL);
    case SYS_syncfs:
        return is_struck("syncfs", (int)a[0], NULL, NULL);
    default:
        return 0;
    }
}

EXPORT long syscall(long number, ...)
{
    va_list arguments;
    long a[6];
    int i;
    REAL(long, "syscall", long, ...)

    va_start(arguments, number);
    for (i = 0; i < 6; i++) {
        a[i] = va_arg(arguments, long);
    }
    va_end(arguments);
    return call_struck(number, a) ? -1 : real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
