/*
 * What systemd hears of a daemon whose unit says Type=notify: that it is ready, that it
 * ends; and, where the unit has WatchdogSec, that its loop still turns. A loop that hangs feeds no
 * watchdog, so systemd ends the daemon and starts it again.
 *
 *    service_new ─► service_ready ─► … a timer of the loop feeds the watchdog … ─► service_ending
 *
 * One datagram for each, to the socket that NOTIFY_SOCKET names, as sd_notify(3) documents it for
 * programs that do without libsystemd. Started by hand, without that variable, all of this does
 * nothing. What cannot be sent is lost: systemd, which would then hear nothing, judges by its
 * time-outs.
 */
#ifndef SAMOZA_ADAPTER_SYSTEMD_SERVICE_H
#define SAMOZA_ADAPTER_SYSTEMD_SERVICE_H

#include "port/loop.h"

struct service;

/* Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment, so that no child
 * speaks for the daemon. Before there are threads; never NULL. */
struct service *service_new(struct loop *loop);
/* NULL is fine. */
void service_free(struct service *service);

/* The daemon does its work from now on, and its loop feeds the watchdog. */
void service_ready(struct service *service);
/* It ends in order, which may take some time; the watchdog is fed until the loop stops. */
void service_ending(struct service *service);
/* Puts back into the environment what service_new() took, for the program that this process is to run
 * next: exec(). */
void service_hand_on(const struct service *service);

#endif
