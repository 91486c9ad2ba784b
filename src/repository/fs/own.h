/*
 * The store's own files, which are nobody's to read, list, copy or remove, by whatever name or link
 * they are reached: told by device and inode. They are the database with what stands beside it
 * while it is in use, the folder of processes (server/state.h), that of litter (server/apart.h),
 * and the copy that a backup makes (admin/backup.c).
 */
#ifndef DMS_OWN_H
#define DMS_OWN_H

#include <sys/types.h>

#define DMS_OWN_FILES 9

/* What the names of the two folders have after the database's. */
#define DMS_OWN_PROCESSES "-processes"
#define DMS_OWN_LITTER "-litter"

/* What they are at a moment; 0: there is none. */
typedef struct dms_own_t {
    dev_t device;
    ino_t folder; /* the one that they are in */
    ino_t files[DMS_OWN_FILES];
} dms_own_t;

/* Names the database, by an absolute path that lives as long as the process; once, before there are
 * threads. */
void dms_own_set(const char *database);

/* Looks: mostly one stat(). */
void dms_own_look(dms_own_t *own);

/* Whether a file or a folder is one of them. */
int dms_own_has(const dms_own_t *own, dev_t device, ino_t inode);

/* Whether the folder of litter is there. */
int dms_own_has_litter(const dms_own_t *own);

/* Whether one has that name, or would, in the folder. */
int dms_own_is_name(const char *name);

/* The folder's path, with a slash at its end; NULL where there is no database. */
const char *dms_own_folder(void);

#endif
