#include "mesh_stage.h"

struct mesh_table *table;
int store_here, api_here, api2_here;

Samoza__V1__PathEnd rows_store = SAMOZA__V1__PATH_END__INIT;
Samoza__V1__PathEnd rows_api = SAMOZA__V1__PATH_END__INIT;
Samoza__V1__PathEnd queries_api = SAMOZA__V1__PATH_END__INIT;
Samoza__V1__PathEnd queries_page = SAMOZA__V1__PATH_END__INIT;

int begin(void **state)
{
	(void)state;
	table = mesh_table_new("n1");
	rows_store.name = rows_api.name = "rows";
	rows_store.space = "store";
	rows_api.space = "api";
	queries_api.name = queries_page.name = "queries";
	queries_api.space = "api";
	queries_page.space = "page";
	return 0;
}

int end(void **state)
{
	(void)state;
	mesh_table_free(table);
	return 0;
}

struct mesh_peer *join_copy(const char *path, uint64_t epoch, const char *space,
			    Samoza__V1__PathEnd *end_a, Samoza__V1__PathEnd *end_b, void *local)
{
	Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
	Samoza__V1__InstanceSpec spec = SAMOZA__V1__INSTANCE_SPEC__INIT;
	Samoza__V1__PathEnd *paths[] = {end_a, end_b};

	key.topology = "t1";
	key.path = (char *)path;
	key.epoch = epoch;
	spec.topology_name = "app";
	spec.space = (char *)space;
	spec.type = SAMOZA__V1__SPACE_TYPE__CALL;
	spec.paths = paths;
	spec.n_paths = end_b != NULL ? 2 : 1;
	return mesh_table_join(table, &key, &spec, local);
}

struct mesh_peer *join(const char *path, const char *space, Samoza__V1__PathEnd *end_a,
		       Samoza__V1__PathEnd *end_b, void *local)
{
	return join_copy(path, 1, space, end_a, end_b, local);
}

const char *share_of;
uint32_t share_permille;

void say(const struct said *peers, size_t n, bool full, uint64_t version, bool gone)
{
	Samoza__V1__MeshTable frame = SAMOZA__V1__MESH_TABLE__INIT;
	Samoza__V1__MeshPeer messages[8], *pointers[8];
	Samoza__V1__AssetFile files[8], *assets[8];
	Samoza__V1__PathEnd *page_paths[] = {&queries_api};
	Samoza__V1__MeshShare share = SAMOZA__V1__MESH_SHARE__INIT, *shares[] = {&share};

	for (size_t i = 0; i < n; i++) {
		samoza__v1__mesh_peer__init(&messages[i]);
		messages[i].path = (char *)peers[i].path;
		messages[i].space = (char *)peers[i].space;
		messages[i].zhost = (char *)peers[i].zhost;
		messages[i].has_type = messages[i].has_epoch = messages[i].has_serving = true;
		messages[i].epoch = peers[i].epoch;
		messages[i].serving = !peers[i].is_beside;
		messages[i].type = peers[i].is_ui ? SAMOZA__V1__SPACE_TYPE__UI
						  : SAMOZA__V1__SPACE_TYPE__CALL;
		if (peers[i].is_ui) {
			messages[i].paths = page_paths;
			messages[i].n_paths = 1;
		}
		messages[i].has_sharing = messages[i].sharing = peers[i].shares;
		messages[i].has_apart = messages[i].apart = peers[i].is_apart;
		messages[i].has_revision = peers[i].revision != 0;
		messages[i].revision = peers[i].revision;
		messages[i].has_draining = messages[i].draining = peers[i].leaves;
		samoza__v1__asset_file__init(&files[i]);
		files[i].name = "index.html";
		files[i].digest = (char *)peers[i].file;
		assets[i] = &files[i];
		messages[i].assets = &assets[i];
		messages[i].n_assets = peers[i].file != NULL ? 1 : 0;
		pointers[i] = &messages[i];
	}
	frame.topology = "t1";
	frame.topology_name = "app";
	frame.version = version;
	frame.full = full;
	frame.has_gone = gone;
	frame.gone = gone;
	share.space = (char *)share_of;
	share.revision = 2;
	share.permille = share_permille;
	frame.shares = shares;
	frame.n_shares = share_of != NULL ? 1 : 0;
	frame.peers = pointers;
	frame.n_peers = n;
	mesh_table_apply(table, &frame);
}

int route(const struct mesh_peer *from, const char *address, struct mesh_route *r)
{
	return mesh_table_route(table, from, address, strlen(address), r);
}
