/* What stands at the beginning of a file of a recording. */
#ifndef SAMOZA_ADAPTER_RECORDER_SEGMENT_PRIVATE_H
#define SAMOZA_ADAPTER_RECORDER_SEGMENT_PRIVATE_H

#define SEGMENT_MAGIC	   "samoza-recording"
#define SEGMENT_HEADER_MAX ((size_t)64 * 1024)

#endif
