#include "project.h"

#include <sodium.h>
#include <string.h>

const struct file good_files[GOOD_FILES] = {
	{"spaces/api/core.wasm", "wasm", 0},
	{"spaces/api/data/table.txt", "1", 0},
	{"spaces/api/space.yaml", "resources: {memory: 64MiB}\ncount: 7\n", 0},
	{"spaces/db/recipes/start", "#!/bin/sh\n", 0100755},
	{"spaces/db/my.cnf", "x", 0},
	{"spaces/web/css/page.css", "p {}", 0},
	{"spaces/web/index.html", "<p>", 0},
	{"topology.yaml", TOPOLOGY, 0},
};

struct secret_key key_a, key_b;

void make_keys(void)
{
	uint8_t both[crypto_sign_SECRETKEYBYTES];

	memset(key_a.seed, 1, sizeof(key_a.seed));
	memset(key_b.seed, 2, sizeof(key_b.seed));
	(void)crypto_sign_seed_keypair(key_a.public_key, both, key_a.seed);
	(void)crypto_sign_seed_keypair(key_b.public_key, both, key_b.seed);
}

struct trust *trust_a(void)
{
	struct trust *t = trust_new();

	trust_add_key(t, key_a.public_key);
	return t;
}
