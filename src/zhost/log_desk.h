/* Answers LOG_REQUEST with the last lines of an instance's log, and follows it. */
#ifndef SAMOZA_ZHOST_LOG_DESK_H
#define SAMOZA_ZHOST_LOG_DESK_H

#include "zhost/resident.h"

struct log_desk;

struct log_desk *log_desk_new(struct zhost *z);
void log_desk_free(struct log_desk *d);

void log_desk_take(struct log_desk *d, const Samoza__V1__LogRequest *request);
/* The link is gone, and with it all followers. */
void log_desk_link_down(struct log_desk *d);
/* The resident goes: its followers are told. */
void log_desk_forget(struct resident *r);
/* Sends the lines of this turn. */
bool log_desk_flush(struct log_desk *d);

#endif
