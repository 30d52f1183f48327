/*
 * What waits for devices on a zhost (device_hold.h) is looked at again when something of it has gone, or come.
 */
#ifndef SAMOZA_CORE_CONTROL_STATE_DEVICE_RELEASE_H
#define SAMOZA_CORE_CONTROL_STATE_DEVICE_RELEASE_H

struct control_zhost;

/* What device_hold_waits() says of the copies there may be another thing now. */
void device_release_check(struct control_zhost *z);

#endif
