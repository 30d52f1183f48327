/* A WASI program: main() with arguments, environment, clocks, output. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct timespec half = {0, 50000000}, before, after;
	unsigned char random[32] = {0}, zero[32] = {0};

	printf("argc %d, argv[0] %s, SPACE %s, EMPTY '%s'\n", argc, argv[0], getenv("SPACE"),
	       getenv("EMPTY"));
	fprintf(stderr, "to standard error\n");
	clock_gettime(CLOCK_MONOTONIC, &before);
	nanosleep(&half, NULL);
	clock_gettime(CLOCK_MONOTONIC, &after);
	if ((after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec <
	    50000000)
		return 2;
	if (time(NULL) < 1500000000)
		return 3;
	if (getentropy(random, sizeof(random)) != 0)
		return 7;
	if (memcmp(random, zero, sizeof(zero)) == 0)
		return 4;
	if (fopen("/etc/passwd", "r") != NULL)
		return 5;
	printf("without a line feed");
	fflush(stdout);
	return argc == 1 ? EXIT_STATUS : 6;
}
