/*
 * sys, net and data of [guest-abi.imports], after the capability check: i32 is uint32_t, i64
 * uint64_t, pointers are offsets into the guest's memory, results are negative errno as uint32_t.
 */
#ifndef SAMOZA_ZRUN_WASM_HOST_SAMOZA_H
#define SAMOZA_ZRUN_WASM_HOST_SAMOZA_H

#include <stdint.h>

struct guest;

uint32_t host_sys_log(struct guest *g, uint32_t level, uint32_t at, uint32_t size);
uint64_t host_sys_now(struct guest *g);
uint32_t host_sys_sleep(struct guest *g, uint32_t ms);
uint32_t host_sys_yield(struct guest *g);
uint32_t host_sys_import_get(struct guest *g, uint32_t name, uint32_t name_size, uint32_t to,
			     uint32_t capacity);
uint32_t host_sys_config_get(struct guest *g, uint32_t name, uint32_t name_size, uint32_t to,
			     uint32_t capacity);
uint32_t host_net_emit_to(struct guest *g, uint32_t address, uint32_t address_size, uint32_t at,
			  uint32_t size);
uint32_t host_net_recv_next(struct guest *g, uint32_t timeout_ms, uint32_t to,
			    uint32_t capacity, uint32_t from, uint32_t from_capacity);
uint32_t host_data_get(struct guest *g, uint32_t key, uint32_t key_size, uint32_t to,
		       uint32_t capacity);
uint32_t host_data_put(struct guest *g, uint32_t key, uint32_t key_size, uint32_t at,
		       uint32_t size);
uint32_t host_data_delete(struct guest *g, uint32_t key, uint32_t key_size);
uint32_t host_data_list(struct guest *g, uint32_t prefix, uint32_t prefix_size, uint32_t to,
			uint32_t capacity, uint32_t cursor);

#endif
