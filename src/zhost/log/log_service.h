/* Answers LOG_REQUEST with the last lines of an instance's log, and follows it. */
#ifndef SAMOZA_ZHOST_LOG_LOG_SERVICE_H
#define SAMOZA_ZHOST_LOG_LOG_SERVICE_H

#include "zhost/log/spacelog.h"
#include "zhost/uplink/upstream.h"

#define LOG_APART_MS INT64_C(15000)

struct loop;
struct log_service;

/* All borrowed. */
struct log_service *log_service_new(struct loop *loop, struct spacelogs *logs,
				    struct upstream *upstream);
void log_service_free(struct log_service *s);

void log_service_take(struct log_service *s, const Samoza__V1__LogRequest *q);
/* The connection is gone. For LOG_APART_MS what subscribers are to get is kept for the next one, if zrms resumes them. */
void log_service_disconnected(struct log_service *s);
/* Sends the lines of this turn. */
bool log_service_flush(struct log_service *s);

#endif
