/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_TESTS_FOLDER_WORLD_H
#define OAUTHRELAY_TESTS_FOLDER_WORLD_H

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder of a test's own, gone with all that is in it when the test ends. */
static char folder[64];

static inline int folder_start(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/oauthrelay-test-XXXXXX");
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static inline int folder_remove_entry(const char *name, const struct stat *st, int type,
				      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(name);
}

static inline int folder_stop(void **state)
{
	(void)state;
	return nftw(folder, folder_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Caller frees. */
static inline char *below(const char *name)
{
	char *path = NULL;
	assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
	return path;
}

static inline void write_bytes(const char *path, const void *p, size_t n, mode_t mode)
{
	unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static inline void write_file(const char *path, const char *text, mode_t mode)
{
	write_bytes(path, text, strlen(text), mode);
}

/* How many entries a folder has. */
static inline size_t entries(const char *path)
{
	size_t count = 0;
	const struct dirent *entry;
	DIR *dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(dir);
	return count;
}

#endif
