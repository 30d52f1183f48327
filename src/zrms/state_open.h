/* What zrms knew when it ended: its store, the records in the core, and the artifacts. */
#ifndef SAMOZA_ZRMS_STATE_OPEN_H
#define SAMOZA_ZRMS_STATE_OPEN_H

#include "zrms/zrms.h"

/* Makes `artifact_store`, `artifacts` and `looks`, where they are not there. */
int artifact_store_open(struct zrms *zrms, struct error **err) must_check;
/* Makes `store`, `control`, `committed`, `artifact_store`, `artifacts` and `looks`. After an error the process ends. */
int state_open(struct zrms *zrms, struct error **err) must_check;
/* Everything that was open()ed goes on from there: what was restored is an ordinary directory as soon as what
 * has been decided is durable. PRE: `commits` has started. */
void state_opened(struct zrms *zrms);

#endif
