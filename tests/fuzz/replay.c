/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/attr.h"
#include "tests/fuzz/fuzz.h"

/*
 * Runs a fuzz target over files that are there already, without libFuzzer: the tests' way, with any
 * compiler. Arguments are files and folders. The last name printed is the one that failed.
 */
enum {
	INPUT_MAX = 1024 * 1024
};

static bool run_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	if (file == NULL) {
		perror(path);
		return false;
	}
	/* Of its exact size, so that a read behind its end is seen. */
	uint8_t *room = malloc(INPUT_MAX);
	size_t n = room != NULL ? fread(room, 1, INPUT_MAX, file) : 0;
	uint8_t *data = malloc(n != 0 ? n : 1);
	bool ok = room != NULL && data != NULL && ferror(file) == 0;
	fclose(file);
	if (ok) {
		printf("%s\n", path);
		(void)fflush(stdout);
		memcpy(data, room, n);
		LLVMFuzzerTestOneInput(data, n);
	}
	free(room);
	free(data);
	return ok;
}

static int is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Returns how many files were run; -1: something could not be read. */
static int run_folder(const char *path)
{
	struct dirent **entries = NULL;
	int n = scandir(path, &entries, is_input, alphasort), ran = 0;
	for (int i = 0; i < n; i++) {
		char name[4096];
		int length = snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
		if (ran >= 0)
			ran = length < (int)sizeof(name) && run_file(name) ? ran + 1 : -1;
		free(entries[i]);
	}
	free(entries);
	return n >= 0 ? ran : -1;
}

int main(int argc, char **argv)
{
	int ran = 0;
	LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++) {
		int n = run_folder(argv[i]);
		if (n < 0)
			n = run_file(argv[i]) ? 1 : 0;
		if (n == 0) {
			fprintf(stderr, "replay: nothing to run in %s\n", argv[i]);
			return EXIT_FAILURE;
		}
		ran += n;
	}
	printf("replay: %d inputs\n", ran);
	return ran != 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
