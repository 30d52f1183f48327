/*
 * What both ends of `spaces exec` agree on (proto/wire.proto, message Exec): zshell, zrms, zhost.
 */
#ifndef SAMOZA_PORT_EXEC_H
#define SAMOZA_PORT_EXEC_H

#define EXEC_PROTOCOL "samoza-exec/1" /* of the HTTP upgrade */
/* Bytes that may be under way in one direction, not reported as taken. */
#define EXEC_WINDOW	 (128 * 1024)
#define EXEC_PART_MAX	 (64 * 1024)  /* of data in one frame */
#define EXEC_COMMAND_MAX (128 * 1024) /* all words of a command, with their NUL */
#define EXEC_FRAME_MAX	 (256 * 1024) /* more than any frame of a session */

#endif
