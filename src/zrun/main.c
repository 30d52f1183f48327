/* zrun: the program that runs instances. Started by zhost only (launch.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zrun/native/native.h"
#include "zrun/wasm/guest_life.h"
#include "zrun/zygote.h"

static const struct runner_kind *const kinds[] = {&runner_kind_wasm, &runner_kind_native, NULL};

static int usage(FILE *out, int status)
{
	fprintf(out, "zrun runs one instance of a space. It is started by zhost, as\n"
		     "  zrun --zygote SOCKET UID NAMESPACES PADDING\n"
		     "  zrun --instance SOCKET PADDING\n");
	return status;
}

int main(int argc, char **argv)
{
	if (argc == 6 && strcmp(argv[1], "--zygote") == 0)
		zygote_run(atoi(argv[2]), (uid_t)strtoul(argv[3], NULL, 10),
			   strcmp(argv[4], "yes") == 0, argv, argc, kinds);
	if (argc == 4 && strcmp(argv[1], "--instance") == 0)
		zygote_run_one(atoi(argv[2]), argv, argc, kinds);
	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return usage(stdout, 0);
	return usage(stderr, 2);
}
