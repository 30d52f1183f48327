#include "zhost/state/instance_file.h"

#include <string.h>

#include <sodium.h>

void instance_file_name(const char *topology, const char *path, uint64_t epoch,
			char ret_name[INSTANCE_FILE_NAME_SIZE])
{
	crypto_generichash_state state;
	uint8_t hash[16];

	(void)crypto_generichash_init(&state, NULL, 0, sizeof(hash));
	(void)crypto_generichash_update(&state, (const uint8_t *)topology,
					strlen(topology) + 1);
	(void)crypto_generichash_update(&state, (const uint8_t *)path, strlen(path) + 1);
	(void)crypto_generichash_update(&state, (const uint8_t *)&epoch, sizeof(epoch));
	(void)crypto_generichash_final(&state, hash, sizeof(hash));
	(void)sodium_bin2hex(ret_name, INSTANCE_FILE_NAME_SIZE, hash, sizeof(hash));
}
