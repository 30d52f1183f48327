#include "zrms/submission/stages.h"

int submissions_read_keys(struct submissions *all, struct error **err)
{
	const struct signing_keys *recorded = all->listener->recorded_keys != NULL
						      ? all->listener->recorded_keys(all->user)
						      : NULL;
	return trusted_keys_refresh(&all->trusted, all->options.trust_directory,
				    all->options.trust_files, recorded, err);
}

int submissions_look_at_keys(struct submissions *all, struct error **err)
{
	int r = submissions_read_keys(all, err);

	if (r < 0 || all->told == all->trusted || all->listener->on_key_files == NULL)
		return r;
	trusted_keys_unref(all->told);
	all->told = trusted_keys_ref(all->trusted);
	trusted_keys_tell(all->told, all->listener->on_key_files, all->user);
	return 0;
}
