#include "zhost/native/secrets_probe.h"

#include <errno.h>
#include <string.h>

#include "adapter/log/log.h"
#include "adapter/sandbox/enclose.h"

bool secrets_probe(void)
{
	if (enclose_try_secrets() == 0)
		return true;
	log_warn("zhost", "secrets.none",
		 LOG_S("why", "no file system in memory that is not swapped out can be mounted "
			      "in a namespace of its own: spaces with secrets are not placed "
			      "here"),
		 LOG_S("error", strerror(errno)));
	return false;
}
