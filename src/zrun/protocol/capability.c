#include "zrun/protocol/protocol.h"

uint32_t zrun_capability_bit(const char *name)
{
	static const struct {
		const char *name;
		uint32_t bit;
	} table[] = {
		{"sys.log", ZRUN_CAP_SYS_LOG},	     {"net.emit", ZRUN_CAP_NET_EMIT},
		{"net.recv", ZRUN_CAP_NET_RECV},     {"data.read", ZRUN_CAP_DATA_READ},
		{"data.write", ZRUN_CAP_DATA_WRITE},
	};

	for (size_t n = 0; n < sizeof(table) / sizeof(table[0]); n++)
		if (strcmp(table[n].name, name) == 0)
			return table[n].bit;
	return 0;
}
