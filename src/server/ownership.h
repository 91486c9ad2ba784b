/*
 * The owner of the store's files: who restores a backup as root leaves files that the server's User
 * can't write.
 */
#ifndef DMS_OWNERSHIP_H
#define DMS_OWNERSHIP_H

/* Gives what is root's to the server's User: the file `name` in a directory, those that SQLite and
 * the module keep beside it, and the directory where it holds nothing else; one without the file
 * only where nobody but root can have led there. To be called as root; does nothing otherwise.
 *
 * The User may have put anything there, and must not get what is root's: links are not followed,
 * and a file is given only where it has one name, and begins as what its name says that it is. What
 * stays as it is shows when the store is tried. */
void dms_ownership_restore(const char *directory, const char *name);

/* Whether a directory holds the store `name`, and nothing else; or is empty, as a new volume is,
 * where nobody but root could have put it. */
int dms_ownership_is_of_store(const char *directory, const char *name);

/* Gives a directory to the User. Returns 0, or -1 and errno. */
int dms_ownership_give(const char *directory);

#endif
