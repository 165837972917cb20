/*
 * Whole files in memory.  With whatever right the process has.
 */
#ifndef GW_FILE_H
#define GW_FILE_H

#include <sys/stat.h>
#include <stddef.h>

#define FILE_MIB	(1024 * 1024)

/*
 * Reads a regular file of at most max bytes, in whole MiB.  Returns its len
 * bytes, with room for one more behind them, which the caller frees; *st says
 * which file it was.  NULL: errno, and in *why the reason in words, valid
 * until the next call.  What was read of a file that is refused is wiped.
 */
char	*file_read(const char *path, size_t max, struct stat *st, size_t *len,
	    const char **why);

#endif
