/*
 * Identities that are drawn: random ones (RFC 4122, version 4).
 */
#ifndef SAMOZA_ZRMS_SUBMISSION_UUID_H
#define SAMOZA_ZRMS_SUBMISSION_UUID_H

#define UUID_SIZE 37 /* with NUL */

void uuid_draw(char ret_text[UUID_SIZE]);

#endif
