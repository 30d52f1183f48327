#include "core/control/state/target.h"

#include "core/control/state/state.h"

void copy_order(struct copy *copy, enum instance_target target)
{
	if (target != TARGET_STARTED)
		copy->ran = false;
	copy->target = (uint8_t)target;
	copy->generation++;
	mark_copy(copy, COPY_RECORD | COPY_ORDER);
}

void copy_want(struct copy *copy, enum instance_target target)
{
	if (copy->target != target)
		copy_order(copy, target);
}

void copy_take_up(struct copy *copy, enum instance_target target)
{
	if (copy->target != TARGET_NONE) {
		copy_want(copy, target);
		return;
	}
	copy->target = (uint8_t)target;
	mark_copy(copy, COPY_RECORD);
}

void copy_lose_target(struct copy *copy)
{
	copy->target = TARGET_NONE;
	mark_copy(copy, COPY_RECORD);
}
