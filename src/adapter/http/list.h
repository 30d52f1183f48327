/*
 * Intrusive lists of this directory: an item has `next` and `link`, which points to whatever
 * points to the item.
 */
#ifndef SAMOZA_ADAPTER_HTTP_LIST_H
#define SAMOZA_ADAPTER_HTTP_LIST_H

#define LIST_ADD(head, item)                          \
	do {                                          \
		(item)->next = (head);                \
		(item)->link = &(head);               \
		if ((head) != NULL)                   \
			(head)->link = &(item)->next; \
		(head) = (item);                      \
	} while (0)
#define LIST_REMOVE(item)                                  \
	do {                                               \
		*(item)->link = (item)->next;              \
		if ((item)->next != NULL)                  \
			(item)->next->link = (item)->link; \
	} while (0)

#endif
