/* Build-time tool: embed OUTPUT NAME FILE [NAME FILE]...: files as C arrays. */
#include <stdio.h>
#include <stdlib.h>

static int embed(FILE *out, const char *name, const char *path)
{
	FILE *in = fopen(path, "rb");
	unsigned long size = 0;
	int c;

	if (in == NULL)
		return -1;
	fprintf(out, "static const unsigned char embedded_%s[] = {", name);
	while ((c = getc(in)) != EOF)
		fprintf(out, "%s%d,", size++ % 24 == 0 ? "\n" : "", c);
	fprintf(out, "\n0};\nstatic const unsigned long embedded_%s_size = %lu;\n", name, size);
	return fclose(in);
}

int main(int argc, char **argv)
{
	FILE *out = argc >= 2 ? fopen(argv[1], "w") : NULL;

	if (out == NULL)
		return EXIT_FAILURE;
	for (int i = 2; i + 1 < argc; i += 2) {
		if (embed(out, argv[i], argv[i + 1]) != 0) {
			perror(argv[i + 1]);
			return EXIT_FAILURE;
		}
	}
	return fclose(out) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
