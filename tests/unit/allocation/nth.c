#include "nth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"

#define LIFE_SECONDS 30
#define FIRST_EVERY  24 /* every n up to here, then about as many */
#define SAMPLES	     24

/* ---- instead of glibc's ---- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *ptr, size_t size);

static struct nth *armed; /* also read by threads of the code under test */

static bool is_refused(void)
{
	struct nth *nth = __atomic_load_n(&armed, __ATOMIC_ACQUIRE);
	if (nth == NULL)
		return false;
	unsigned long n = __atomic_add_fetch(&nth->calls, 1, __ATOMIC_RELAXED);
	if (nth->fails_at == 0 || n < nth->fails_at || (n > nth->fails_at && !nth->continues))
		return false;
	nth->refused = true;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return is_refused() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return is_refused() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *ptr, size_t size)
{
	return is_refused() ? NULL : __libc_realloc(ptr, size);
}

void *reallocarray(void *ptr, size_t count, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(count, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(ptr, bytes);
}

void nth_arm(struct nth *nth)
{
	__atomic_store_n(&armed, nth, __ATOMIC_RELEASE);
}

void nth_disarm(void)
{
	__atomic_store_n(&armed, NULL, __ATOMIC_RELEASE);
}

/* ---- children ---- */

static void run(void (*fn)(struct nth *nth, void *place), struct nth *nth, void *place,
		bool may_abort, const char *name)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		const struct rlimit none = {0};
		(void)setrlimit(RLIMIT_CORE, &none);
		(void)dup2(ends[1], STDERR_FILENO);
		(void)close(ends[1]);
		(void)signal(SIGABRT, SIG_DFL);
		(void)signal(SIGSEGV, SIG_DFL);
		(void)alarm(LIFE_SECONDS);
		fn(nth, place);
		_exit(0);
	}
	(void)close(ends[1]);
	char text[4096] = "";
	size_t size = 0;
	for (ssize_t n; (n = read(ends[0], text + size, sizeof(text) - 1 - size)) > 0;)
		size += (size_t)n;
	(void)close(ends[0]);
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	if (may_abort && nth->refused && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT &&
	    strncmp(text, "out of memory: ", strlen("out of memory: ")) == 0)
		return;
	fail_msg("%s, with allocation %lu refused%s: wait status %#x: %s", name, nth->fails_at,
		 nth->continues ? " and all later ones" : "", (unsigned)status, text);
}

static void live(const struct nth_path *path, struct nth *nth)
{
	void *place = path->place_new != NULL ? path->place_new() : NULL;
	nth->calls = 0;
	nth->refused = false;
	nth->answered = 0;
	nth->content = 0;
	run(path->life, nth, place, true, path->name);
	if (path->check != NULL)
		run(path->check, nth, place, false, "the check after it");
	if (path->place_free != NULL)
		path->place_free(place);
}

static struct nth *nth_new(unsigned steps)
{
	struct nth *nth = mmap(NULL, sizeof(*nth), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(nth != MAP_FAILED);
	nth->steps = steps;
	return nth;
}

uint64_t nth_content(const struct nth_path *path, unsigned steps)
{
	struct nth *nth = nth_new(steps);
	live(path, nth);
	assert_int_equal(nth->answered, steps);
	uint64_t content = nth->content;
	(void)munmap(nth, sizeof(*nth));
	return content;
}

void nth_every(const struct nth_path *path)
{
	const char *every = getenv("SAMOZA_EVERY_ALLOCATION");
	struct nth *nth = nth_new(path->steps);
	live(path, nth);
	unsigned long calls = nth->calls, step = 1, lives = 0;
	assert_true(calls > 0);
	if (every == NULL || strcmp(every, "1") != 0)
		step = calls / SAMPLES + 1;
	for (int continues = 0; continues <= 1; continues++) {
		unsigned long n = 0;
		nth->continues = continues == 1;
		do {
			n += n < FIRST_EVERY ? 1 : step;
			nth->fails_at = n;
			live(path, nth);
			lives++;
			if (path->assert_sound != NULL)
				path->assert_sound(nth);
		} while (nth->refused);
		assert_true(n + step > calls / 2); /* threads allocate a little differently */
	}
	print_message("%s: %lu allocations, %lu lives\n", path->name, calls, lives);
	(void)munmap(nth, sizeof(*nth));
}
