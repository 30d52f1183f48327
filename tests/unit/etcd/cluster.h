/*
 * Real etcd servers for a test, on free ports of 127.0.0.1, with certificates of an authority of their own. They end with
 * the test program, however that ends.
 */
#ifndef TEST_ETCD_CLUSTER_H
#define TEST_ETCD_CLUSTER_H

#include <stdbool.h>
#include <sys/types.h>

#include "adapter/etcd/rpc.h"

#define CLUSTER_MAX 3

struct etcd_cluster {
	unsigned count;
	bool is_small;		 /* with the limits that etcd has by itself */
	pid_t pids[CLUSTER_MAX]; /* 0: not running */
	unsigned ports[CLUSTER_MAX], peer_ports[CLUSTER_MAX];
	char *directory; /* identity.pem, authorities.pem, and a directory of data for each */
	char *urls, *certificate, *authorities;
};

/* Started, and they answer. Fails the test where there is no etcd. */
struct etcd_cluster *cluster_new(unsigned count);
struct etcd_cluster *cluster_new_small(unsigned count);
/* Stops them, and removes their data. */
void cluster_free(struct etcd_cluster *cluster);
/* All of them. */
struct etcd_servers cluster_servers(const struct etcd_cluster *cluster);
/* Removes everything that is in it, and ends its alarms. */
void cluster_clear(const struct etcd_cluster *cluster);
/* Its quota is used up; or not. */
void cluster_set_full(const struct etcd_cluster *cluster, bool is_full);

void cluster_start(struct etcd_cluster *cluster, unsigned index);
void cluster_signal(const struct etcd_cluster *cluster, unsigned index, int signum);
/* SIGKILL, and gone. */
void cluster_kill(struct etcd_cluster *cluster, unsigned index);
/* Waits until something is written and read. */
void cluster_wait(const struct etcd_cluster *cluster);

/* A key by another hand; `value` NULL: it is deleted. Returns the revision. */
int64_t cluster_put(const struct etcd_cluster *cluster, const char *key, const char *value);
/* The same of a key of any bytes, which is taken over. */
int64_t cluster_put_at(const struct etcd_cluster *cluster, ProtobufCBinaryData take_key,
		       const char *value);

/* A port that is free now. It is below those that the kernel gives to outgoing connections: nobody takes it while a server
 * is away. */
unsigned free_port(void);

#endif
