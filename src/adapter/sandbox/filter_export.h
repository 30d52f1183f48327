/* From libseccomp's filter to the blob that zrun loads. */
#ifndef SAMOZA_ADAPTER_SANDBOX_FILTER_EXPORT_H
#define SAMOZA_ADAPTER_SANDBOX_FILTER_EXPORT_H

#include <seccomp.h>
#include <stddef.h>

/* 0, or -errno. The caller frees *ret_program. */
int filter_export(scmp_filter_ctx filter, void **ret_program, size_t *ret_size);

#endif
