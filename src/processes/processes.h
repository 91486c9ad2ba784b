/*
 * Processes: who lives.
 *
 * What a process leaves on a disk when it is killed, an intention in the store or a file under a
 * reserved name, says whose it is; whoever finds it asks here whether that one is still at work. A
 * number does not tell: containers have their own, and each start of a machine gives them anew.
 *
 * So each process, once it has forked, joins: it makes a file with a random name in a folder beside
 * the store, and holds a lock on it (flock) as long as it lives, which the kernel ends with it. The
 * random name is its word. The file is made and locked before anybody sees the word; so one is gone
 * whose file is not there, or can be locked. The lock is seen by all containers of a machine, and a
 * word does not come twice. Whoever joins removes the files of the dead.
 *
 * Names on the users' disk may be another server's, one that has another store (two containers over
 * one folder): its words can't be found here. So they bear a mark: the store's number, which is
 * random and bound to the folder's inode, as a copy of a store is another one; and the word. Of a
 * mark of another store, as of whatever else is no mark, nobody knows; the age of the file has to
 * tell (repository/provider.h).
 *
 * Where no such file can be had (a folder that can't be written, a file system without flock), the
 * word is number, number's namespace, the machine's start and the process's: "PID/NS/BOOT/TICKS",
 * and a mark says nothing. Such words are only asked about in the store that has them, which one
 * machine serves: those of an earlier start of it are gone. Without NS they are from a store's
 * first version. What can't be told counts as alive.
 *
 * All functions may be called by any thread once dms_processes_join() has returned. Needs no httpd.
 */
#ifndef DMS_PROCESSES_H
#define DMS_PROCESSES_H

#include <apr_errno.h>
#include <apr_pools.h>

typedef enum dms_life_e { DMS_LIFE_UNKNOWN, DMS_LIFE_GOES_ON, DMS_LIFE_IS_OVER } dms_life_e;

/* Makes this process known, after it has forked and before it has threads; folder, which is made
 * where it is missing, has the same name for all that share a store; NULL: there is none. The lock
 * ends with the process, not before. Returns APR_SUCCESS, or why the word
 * is one of the second kind. */
apr_status_t dms_processes_join(const char *folder);

/* This process's word, in pool or static. ASCII, at most 125 characters. */
const char *dms_process_self(apr_pool_t *pool);

/* The machine's start: a word that no other start has had; "" where nobody knows. In pool. */
const char *dms_processes_boot(apr_pool_t *pool);

/* Whether the process of this store with a word still lives. */
dms_life_e dms_process_life(const char *word);

/* The longest mark with its end: two numbers, and a hyphen between. */
#define DMS_PROCESS_MARK_SIZE 34

/* Writes this process's mark; "0-0" where it has none. Returns it. */
const char *dms_process_mark(char mark[DMS_PROCESS_MARK_SIZE]);

/* Whether the process with a mark, which a hyphen follows, still lives. */
dms_life_e dms_process_life_of_mark(const char *mark);

/* Takes the right to do what one process, and one thread of it, is to do at a time, without waiting
 * for it; it ends with the process, at the latest. Returns whether to go on: the right has been
 * had, or there is no folder to have it by. *claim is for dms_processes_release(). */
int dms_processes_claim(int *claim);

void dms_processes_release(int claim);

#endif
