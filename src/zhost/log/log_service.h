/* Answers LOG_REQUEST with the last lines of an instance's log, and follows it. */
#ifndef SAMOZA_ZHOST_LOG_LOG_SERVICE_H
#define SAMOZA_ZHOST_LOG_LOG_SERVICE_H

#include "zhost/space/resident.h"

struct log_service;

struct log_service *log_service_new(struct zhost *z);
void log_service_free(struct log_service *d);

void log_service_take(struct log_service *d, const Samoza__V1__LogRequest *request);
/* The link is gone, and with it all followers. */
void log_service_link_down(struct log_service *d);
/* The resident goes: its followers are told. */
void log_service_forget(struct resident *r);
/* Sends the lines of this turn. */
bool log_service_flush(struct log_service *d);

#endif
