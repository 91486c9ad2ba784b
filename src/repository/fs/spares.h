/*
 * Spares: what lets N pieces of a file cost as much as the file, where blocks can't be shared.
 *
 * A piece is put in place with the whole file that it is a part of, so that nobody sees half of it.
 * So that not each takes a copy of all, the file that a piece has replaced stays beside the new one
 * for a while: it lacks nothing but that piece. The next one that begins at the end takes it, adds
 * what it lacks and then itself, and puts it in place; the one before is the spare then. Whoever
 * still reads the old file reads up to its end, beyond which alone is written.
 *
 * A spare stands under a reserved name, which tells the inode of the file that it is a spare of.
 * Its modification time is the time at which that one was put in place, which is when its inode was
 * last changed. So any process finds it; and where anybody has touched one of the two since, in
 * whatever way, it is worthless. Nobody needs it: it may vanish at any time. It does with the file,
 * and after a minute, by the process that has made it or whoever lists the folder.
 *
 * Returned is APR_SUCCESS or errno.
 */
#ifndef DMS_SPARES_H
#define DMS_SPARES_H

#include <apr_pools.h>

#include "repository/fs/os.h"

/* Files that are smaller have none. */
#define DMS_SPARE_SIZE (1024 * 1024)

/* Begins what a process keeps of those that it makes, which go with pool: in child_init. */
void dms_spares_open(apr_pool_t *pool);

/* Takes the spare of the file with st in a directory: it is a reserved name's from now on, and open
 * for reading and writing. *size: how much of the file it has. ENOENT: there is none. */
apr_status_t dms_spare_take(int directory, const dms_os_stat_t *st, const char *reserved,
                            int *descriptor, off_t *size);

/* Gives name, which is about to be replaced by the file that is open, its second name. */
apr_status_t dms_spare_link(int directory, const char *name, int successor);

/* Makes it a spare, once it has been replaced. */
void dms_spare_keep(int directory, int successor);

/* Removes what dms_spare_link() has made. */
void dms_spare_drop(int directory, int successor);

/* Removes the spare of a file with st that is no more what it was: gone, or somewhere else. */
void dms_spare_lose(int directory, const dms_os_stat_t *st);

/* Removes what has a spare's name, and st, where its time is over. Returns whether it is such a
 * name. */
int dms_spare_sweep(int directory, const char *name, const dms_os_stat_t *st);

/* Removes those of the process whose time is over, and makes room for one more. */
void dms_spares_expire(void);

#endif
