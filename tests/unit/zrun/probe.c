/*
 * Native code where a translated module is expected: what a guest could try if it broke out of
 * WebAssembly. Built as a shared object with the shape of a module (guest_module.h). Returns
 * OK, or the line of the attempt that was not refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "adapter/wasm2c/imports.h"
#include "adapter/wasm2c/runtime/guest_module.h"

#define OK 1
#define DENIED(call)                            \
	do {                                    \
		errno = 0;                      \
		if ((call) != -1 || errno == 0) \
			return __LINE__;        \
	} while (0)

static uint8_t memory_bytes[65536];
static wasm_rt_memory_t memory = {memory_bytes, 1, 1, sizeof(memory_bytes)};
static struct guest_host *host;
static pid_t zhost;
static volatile int *volatile nowhere = (volatile int *)8;

static const char *test_case(void)
{
	uint32_t (*import_get)(void *, uint32_t, uint32_t, uint32_t, uint32_t) =
		(uint32_t(*)(void *, uint32_t, uint32_t, uint32_t,
			     uint32_t))host->functions[IMPORT_sys_import_get];

	memcpy(memory_bytes, "test.case", 9);
	(void)import_get(host, 0, 9, 100, 50);
	return (const char *)memory_bytes + 100;
}

static int files(void)
{
	char text[64];

	DENIED(open("/etc/passwd", O_RDONLY));
	DENIED(open("/", O_RDONLY | O_DIRECTORY));
	DENIED(open("/x", O_RDWR | O_CREAT, 0600));
	DENIED(open("/proc/self/mem", O_RDWR));
	DENIED(syscall(SYS_openat2, AT_FDCWD, "/", NULL, 0));
	DENIED(syscall(SYS_open_by_handle_at, 0, NULL, 0));
	DENIED(readlinkat(AT_FDCWD, "/proc/self/exe", text, sizeof(text)));
	DENIED(access("/etc/passwd", R_OK));
	DENIED(mkdir("/x", 0700));
	DENIED(unlink("/x"));
	DENIED(chdir(".."));
	DENIED(chroot("/"));
	DENIED(syscall(SYS_memfd_create, "x", 0));
	DENIED(syscall(SYS_mount, "none", "/", "tmpfs", 0, NULL));
	DENIED(syscall(SYS_io_uring_setup, 8, NULL));
	return OK;
}

static int network(void)
{
	DENIED(socket(AF_INET, SOCK_STREAM, 0));
	DENIED(socket(AF_INET, SOCK_DGRAM, 0));
	DENIED(socket(AF_INET6, SOCK_STREAM, 0));
	DENIED(socket(AF_UNIX, SOCK_STREAM, 0));
	DENIED(socket(AF_NETLINK, SOCK_RAW, 0));
	DENIED(socket(AF_VSOCK, SOCK_STREAM, 0));
	return OK;
}

static int processes(void)
{
	char text[8];

	DENIED(syscall(SYS_fork));
	DENIED(syscall(SYS_vfork));
	DENIED(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
	DENIED(syscall(SYS_clone3, NULL, 0));
	DENIED(execl("/bin/true", "true", NULL));
	/* Signal 0 asks for the same permission and does no harm where it is given. */
	DENIED(kill(zhost, 0));
	DENIED(kill(1, 0));
	DENIED(kill(-1, 0));
	DENIED(syscall(SYS_tgkill, zhost, zhost, 0));
	DENIED(syscall(SYS_pidfd_open, zhost, 0));
	DENIED(syscall(SYS_pidfd_send_signal, 0, 0, NULL, 0));
	DENIED(syscall(SYS_ptrace, 16, zhost, 0, 0));
	DENIED(syscall(SYS_process_vm_readv, zhost, text, 1, text, 1, 0));
	DENIED(syscall(SYS_prctl, 4, 1, 0, 0, 0));
	DENIED(syscall(SYS_setpriority, 0, 0, -5));
	return OK;
}

static int privileges(void)
{
	struct {
		uint32_t version;
		int pid;
	} header = {0x20080522, 0};
	uint32_t data[6] = {~0u, ~0u, ~0u, ~0u, ~0u, ~0u};

	DENIED(setuid(0));
	DENIED(setresuid(0, 0, 0));
	DENIED(setgid(0));
	DENIED(syscall(SYS_capset, &header, data));
	DENIED(unshare(CLONE_NEWUSER));
	DENIED(unshare(CLONE_NEWNS));
	DENIED(setns(0, 0));
	DENIED(syscall(SYS_bpf, 0, NULL, 0));
	DENIED(syscall(SYS_keyctl, 0, 0, 0, 0, 0));
	DENIED(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
	DENIED(syscall(SYS_userfaultfd, 0));
	DENIED(syscall(SYS_setrlimit, 0, NULL));
	DENIED(syscall(SYS_prlimit64, 0, 0, NULL, NULL));
	return OK;
}

static int code(void)
{
	void *page =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return __LINE__;
	DENIED(mprotect(page, 4096, PROT_READ | PROT_EXEC));
	if (mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
		 -1, 0) != MAP_FAILED)
		return __LINE__;
	DENIED(syscall(SYS_pkey_mprotect, page, 4096, PROT_EXEC, -1));
	return OK;
}

static uint32_t process(void *instance)
{
	static const struct {
		const char *name;
		int (*run)(void);
	} cases[] = {{"files", files},
		     {"network", network},
		     {"processes", processes},
		     {"privileges", privileges},
		     {"code", code}};
	const char *wanted = test_case();

	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++)
		if (strcmp(cases[n].name, wanted) == 0)
			return (uint32_t)cases[n].run();
	/* A fault that is not the guest's. */
	if (strcmp(wanted, "crash") == 0)
		*nowhere = 1;
	return __LINE__;
}

static void init(void)
{
	zhost = getppid();
}

static void instantiate(void *instance, struct guest_host *given)
{
	host = given;
}

static wasm_rt_memory_t *get_memory(void *instance)
{
	return &memory;
}

struct guest_module samoza_guest_module = {
	.magic = GUEST_MODULE_MAGIC,
	.instance_size = 8,
	.init = init,
	.instantiate = instantiate,
	.memory = get_memory,
	.on_process = process,
};

/* A translated module has this number from its translator. */
__attribute__((constructor)) static void fingerprint(void)
{
	samoza_guest_module.imports = imports_fingerprint();
}
