/*
 * Ctrl-C. In a one-shot command it ends the program, as everywhere. In the interactive shell it
 * abandons the line or the command: whatever waits looks here.
 */
#ifndef SAMOZA_ADAPTER_CLIENT_INTERRUPT_H
#define SAMOZA_ADAPTER_CLIENT_INTERRUPT_H

#include <stdbool.h>

/* From now on SIGINT is remembered instead of ending the program. */
void interrupt_catch(void);
/* Whether it came since the last interrupt_clear(). */
bool interrupt_pending(void);
void interrupt_clear(void);
/* Readable after an interrupt, for poll(); -1 when they are not caught. */
int interrupt_fd(void);

#endif
