/*
 * Adding applications, changing what they serve, and removing them: what it takes beyond their list.
 */
#ifndef SAMOZA_CORE_CONTROL_APPLICATIONS_H
#define SAMOZA_CORE_CONTROL_APPLICATIONS_H

#include "core/control/application.h"

struct control;

/* An application that serves nothing yet. */
struct control_application *application_add(struct control *c, const char *name, const char *id,
					    uint64_t sequence);
/* A further revision, which is served from now on. What is still there of the one before unloads in
 * the background: its copies are retired. PRE: nothing of it is to run. */
void application_revise(struct control *c, struct control_application *a,
			Samoza__V1__RevisionRecord *take_record, struct topology *topology);
/* Its copies leave their zhosts, its records are deleted, and it is freed. */
void application_remove(struct control *c, struct control_application *a);
/* The same at the end of the program: the records stay. */
void application_dissolve(struct control *c, struct control_application *a);

/* The root's unit unloads in the background, and its slots are as if they had never been deployed.
 * Nothing unless it is placed. */
void unit_unload(struct control *c, struct slot_control *root, const char *cause);

#endif
