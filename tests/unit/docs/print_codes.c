/* Prints the codes that the manual explains: "reason" or "refusal", tabulator, code. */
#include <stdio.h>

#include "base/error.h"
#include "model/failure.h"

int main(void)
{
	for (unsigned k = 1; k < FAILURE_CODE_COUNT; k++)
		printf("reason\t%s\n", failure_code_name((enum failure_code)k));
	for (int code = ERR_INVALID; code >= ERR_STALE; code--)
		printf("refusal\t%s\n", error_code_name((enum error_code)code));
	return 0;
}
