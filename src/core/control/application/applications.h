/*
 * Adding applications, changing what they serve, and removing them: what it takes beyond their list.
 */
#ifndef SAMOZA_CORE_CONTROL_APPLICATIONS_H
#define SAMOZA_CORE_CONTROL_APPLICATIONS_H

#include "core/control/state/application.h"

struct control;

/* An application that serves nothing yet. */
struct control_application *application_add(struct control *c, const char *name, const char *id,
					    uint64_t sequence);
/* A further revision of it, open, with its record: nothing serves it yet. Takes the record. */
struct revision *application_accept(struct control *c, struct control_application *a,
				    Samoza__V1__RevisionRecord *take_record,
				    struct topology *topology);
/* Its slots are new, and those of this revision. What it had elsewhere unloads in the background. PRE: it
 * has no rollout; the revision is open. */
void application_switch(struct control *c, struct control_application *a,
			struct revision *revision);
/* A further revision, which is served from now on. What is still there of the one before unloads in
 * the background: its copies are retired. PRE: nothing of it is to run. */
void application_revise(struct control *c, struct control_application *a,
			Samoza__V1__RevisionRecord *take_record, struct topology *topology);
/* Its copies leave their zhosts, its records are deleted, and it is freed. */
void application_remove(struct control *c, struct control_application *a);
/* The same at the end of the program: the records stay. */
void application_dissolve(struct control *c, struct control_application *a);

#endif
