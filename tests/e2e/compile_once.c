/*
 * For tests: a compiler in front of the compiler, so that what hundreds of tests compile alike is compiled once.
 *
 *   compile-once STORE PROGRAM [ARGUMENT…]
 *
 * (Of libc and libsodium alone, and without sanitizers: it runs within the limits of memory that zrms sets for compilers.)
 *
 * What PROGRAM makes with `-o FILE` from a directory is kept in STORE under a hash of the program, its arguments, every file
 * below the working directory, and those of the directories named by -I; the next call that is the same gets a copy. What is
 * not certain to depend on these alone, says something, or fails, is compiled each time; so is all where STORE cannot be
 * written. STORE belongs to one run of the tests: compilers and the system's headers stay the same that long.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEPTH_MAX 8
#define HASH_SIZE 32
#define PATH_SIZE 4096

struct question {
	crypto_generichash_state hash;
	const char *output; /* of -o */
	bool is_certain;
};

static void add(struct question *q, const void *data, size_t size)
{
	uint64_t length = size;

	crypto_generichash_update(&q->hash, (const uint8_t *)&length, sizeof(length));
	crypto_generichash_update(&q->hash, data, size);
}

static bool copy(int from, int to)
{
	char block[65536];
	ssize_t n;

	while ((n = read(from, block, sizeof(block))) > 0) {
		if (write(to, block, (size_t)n) != n)
			return false;
	}
	return n == 0;
}

/* A file that names one of another directory depends on more than is looked at. */
static void add_file(struct question *q, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *data;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size == 0) {
		(void)close(fd);
		add(q, "", 0);
		return;
	}
	data = fd < 0 ? MAP_FAILED
		      : mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (fd >= 0)
		(void)close(fd);
	if (data == MAP_FAILED) {
		q->is_certain = false;
		return;
	}
	if (memmem(data, (size_t)st.st_size, "../", 3) != NULL)
		q->is_certain = false;
	add(q, data, (size_t)st.st_size);
	(void)munmap(data, (size_t)st.st_size);
}

static void add_directory(struct question *q, const char *path, unsigned depth)
{
	struct dirent **entries;
	int count = depth < DEPTH_MAX ? scandir(path, &entries, NULL, alphasort) : -1;

	if (count < 0) {
		q->is_certain = false;
		return;
	}
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		char child[PATH_SIZE];
		struct stat st;
		bool is_long = snprintf(child, sizeof(child), "%s/%s", path, name) >= PATH_SIZE;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
		    strcmp(child + (path[0] == '.' ? 2 : 0), q->output) == 0) {
			free(entries[i]);
			continue;
		}
		if (is_long || lstat(child, &st) < 0) {
			q->is_certain = false;
		} else if (S_ISDIR(st.st_mode)) {
			add(q, child, strlen(child));
			add_directory(q, child, depth + 1);
		} else if (S_ISREG(st.st_mode)) {
			add(q, child, strlen(child));
			add_file(q, child);
		} else {
			q->is_certain = false;
		}
		free(entries[i]);
	}
	free(entries);
}

/* False: it is to be compiled. */
static bool key_of(char **command, char key[2 * HASH_SIZE + 1], const char **ret_output)
{
	struct question q = {.is_certain = true};
	uint8_t hash[HASH_SIZE];

	for (char **word = command + 1; word[0] != NULL; word++) {
		if (strcmp(word[0], "-o") == 0 && word[1] != NULL)
			q.output = word[1];
	}
	if (q.output == NULL || sodium_init() < 0)
		return false;
	crypto_generichash_init(&q.hash, NULL, 0, sizeof(hash));
	for (char **word = command; word[0] != NULL; word++) {
		const char *directory = NULL;

		if (word[0] != q.output)
			add(&q, word[0], strlen(word[0]));
		if (strcmp(word[0], "-I") == 0)
			directory = word[1];
		else if (strncmp(word[0], "-I", 2) == 0)
			directory = word[0] + 2;
		if (directory != NULL && strcmp(directory, ".") != 0)
			add_directory(&q, directory, 0);
	}
	add_directory(&q, ".", 0);
	if (!q.is_certain)
		return false;
	crypto_generichash_final(&q.hash, hash, sizeof(hash));
	*ret_output = q.output;
	(void)sodium_bin2hex(key, 2 * HASH_SIZE + 1, hash, sizeof(hash));
	return true;
}

/* Makes `to`; where it is not whole, it is of no use. */
static bool copy_file(const char *from, const char *to, int flags)
{
	int source = open(from, O_RDONLY | O_CLOEXEC);
	int target = source < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0777);
	bool is_whole = target >= 0 && copy(source, target);

	if (source >= 0)
		(void)close(source);
	return target >= 0 && close(target) == 0 && is_whole;
}

/* Returns where it went well and had nothing to say; ends as the compiler does where not. */
static void compile(char **command)
{
	int said = memfd_create("said", MFD_CLOEXEC);
	pid_t pid = said < 0 ? -1 : fork();
	int status;

	if (pid < 0)
		_exit(126);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (dup2(said, 1) < 0 || dup2(said, 2) < 0)
			_exit(126);
		execv(command[0], command);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			_exit(126);
	}
	off_t size = lseek(said, 0, SEEK_END);
	(void)lseek(said, 0, SEEK_SET);
	(void)copy(said, 2);
	(void)close(said);
	if (WIFSIGNALED(status)) {
		(void)raise(WTERMSIG(status));
		_exit(126);
	}
	if (WEXITSTATUS(status) != 0 || size > 0)
		_exit(WEXITSTATUS(status));
}

int main(int argc, char **argv)
{
	char key[2 * HASH_SIZE + 1];
	char kept[PATH_SIZE];
	char partial[PATH_SIZE + 16];
	const char *output;

	if (argc < 3)
		return 2;
	if (key_of(argv + 2, key, &output) &&
	    snprintf(kept, sizeof(kept), "%s/%s", argv[1], key) < PATH_SIZE) {
		(void)snprintf(partial, sizeof(partial), "%s.%d", kept, (int)getpid());
		if (access(kept, R_OK) == 0 && copy_file(kept, output, O_TRUNC))
			return 0;
		if (access(argv[1], W_OK) == 0) {
			compile(argv + 2);
			if (copy_file(output, partial, O_EXCL))
				(void)rename(partial, kept);
			else
				(void)unlink(partial);
			return 0;
		}
	}
	execv(argv[2], argv + 2);
	return 127;
}
