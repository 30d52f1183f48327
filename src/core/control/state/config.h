/*
 * Settings of zrms' decision core.
 */
#ifndef SAMOZA_CORE_CONTROL_CONFIG_H
#define SAMOZA_CORE_CONTROL_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

/* Durations in milliseconds. Defaults and meaning: [topology.detection]. */
struct control_config {
	int64_t heartbeat_ms;	    /* resource_reporting.interval             10 s */
	int64_t failure_timeout_ms; /* failure_detection.timeout               30 s */
	int64_t check_ms;	    /* failure_detection.check_interval         5 s */
	int64_t on_disconnect_ms;   /* failure_detection.on_disconnect; 0: off      */
	int64_t margin_ms;	    /* failure_detection.margin                 2 s */
	uint32_t drain_units;	    /* drain.units: handed over at a time; 0: the default */
	/* Of plans, whose zhosts deliver no messages: mesh tables have versions, and name nobody. Decides nothing. */
	bool has_empty_tables;
	/* CONTROL_HELLO_ANSWERED follows each HELLO that is taken: until then a zhost is not watched. Not so in recordings of
	 * before, whose zhosts are watched from their HELLO on. */
	bool says_answered;
	/* Names of the drivers that make machines; ends with NULL. Borrowed; NULL: there are none. */
	const char *const *drivers;
};
#define DRAIN_UNITS_DEFAULT 4
#define CONTROL_CONFIG_DEFAULT                                \
	((struct control_config){.heartbeat_ms = 10000,       \
				 .failure_timeout_ms = 30000, \
				 .check_ms = 5000,            \
				 .margin_ms = 2000,           \
				 .drain_units = DRAIN_UNITS_DEFAULT})

#endif
