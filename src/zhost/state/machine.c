#include "zhost/state/machine.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "base/memory.h"
#include "base/str.h"

#define DIGEST_BYTES 16

const struct machine_files machine_files = {
	.machine_id = "/etc/machine-id",
	.hardware = "/sys/class/dmi/id/product_uuid",
	.boot = "/proc/sys/kernel/random/boot_id",
};

/* A name and what it means; both with their end, so that no two lists look alike. */
static void add(crypto_generichash_state *s, const char *name, const void *value, size_t size)
{
	uint8_t length = (uint8_t)size;

	crypto_generichash_update(s, (const uint8_t *)name, strlen(name) + 1);
	crypto_generichash_update(s, &length, 1);
	crypto_generichash_update(s, value, size);
}

/* The line of a file. False: there is none. */
static bool add_line(crypto_generichash_state *s, const char *name, const char *path)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char line[128];
	ssize_t n = fd >= 0 ? read(fd, line, sizeof(line) - 1) : -1;

	if (n <= 0)
		return false;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	/* systemd(1): an image that was not booted yet. */
	if (line[0] == '\0' || str_equal(line, "uninitialized"))
		return false;
	add(s, name, line, strlen(line));
	return true;
}

static void add_directory(crypto_generichash_state *s, int fd)
{
	struct {
		struct file_handle head;
		uint8_t bytes[MAX_HANDLE_SZ];
	} handle = {.head = {.handle_bytes = MAX_HANDLE_SZ}};
	struct stat st;
	int mount;

	if (name_to_handle_at(fd, "", &handle.head, &mount, AT_EMPTY_PATH) == 0)
		add(s, "handle", handle.head.f_handle, handle.head.handle_bytes);
	else if (fstat(fd, &st) == 0)
		add(s, "inode", &st.st_ino, sizeof(st.st_ino));
}

char *machine_digest(const struct machine_files *files, int fd)
{
	uint8_t digest[DIGEST_BYTES];
	char text[2 * DIGEST_BYTES + 1];
	crypto_generichash_state s;

	crypto_generichash_init(&s, NULL, 0, sizeof(digest));
	add(&s, "samoza", "machine", strlen("machine"));
	bool has_id = add_line(&s, "machine-id", files->machine_id);
	if (add_line(&s, "hardware", files->hardware))
		has_id = true;
	if (!has_id)
		(void)add_line(&s, "boot", files->boot);
	add_directory(&s, fd);
	crypto_generichash_final(&s, digest, sizeof(digest));
	return mem_strdup(sodium_bin2hex(text, sizeof(text), digest, sizeof(digest)));
}
