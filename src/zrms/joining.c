#include "zrms/joining.h"

#include "adapter/pki/credentials.h"
#include "base/str.h"
#include "zrms/cluster_file.h"
#include "zrms/own_identity.h"
#include "zrms/zrms.h"

static int cluster_check(const struct zrms *zrms, struct error **err)
{
	if (zrms->cluster != NULL)
		return 0;
	return error_set(err, ERR_CONFLICT,
			 "no other machine can join: this cluster has no certificates; make "
			 "them with zrms init --dir %s --listen ADDRESS:PORT",
			 zrms->settings.dir);
}

/* ---- the word ---- */

static char *address_text(const char *name, uint16_t port)
{
	bool is_v6 = strchr(name, ':') != NULL;
	return str_printf("%s%s%s:%u", is_v6 ? "[" : "", name, is_v6 ? "]" : "", port);
}

static int word_make(const struct zrms *zrms, const struct pki_trust *trust,
		     struct join_token *ret_token, struct error **err)
{
	const Samoza__V1__ClusterFile *file = zrms->cluster;
	struct pki_pin pins[PKI_TRUST_MAX];
	char *addresses[TOKEN_ADDRESSES_MAX];
	size_t pin_count = pki_trust_count(trust), count = 0;
	for (size_t k = 0; k < pin_count; k++)
		pins[k] = pki_trust_pin(trust, k);
	while (count < file->n_advertise && count < TOKEN_ADDRESSES_MAX) {
		addresses[count] =
			address_text(file->advertise[count], zrms->settings.listen.port);
		count++;
	}
	int r = join_token_new(pins, pin_count, (const char *const *)addresses, count,
			       ret_token, err);
	for (size_t k = 0; k < count; k++)
		free(addresses[k]);
	return r;
}

int joining_word(const struct zrms *zrms, struct join_token *ret_token, struct error **err)
{
	CLEANUP(pki_trust_freep) struct pki_trust *trust = NULL;
	int r = cluster_check(zrms, err);
	if (r == 0)
		r = authorities_trust(zrms, &trust, err);
	return r < 0 ? r : word_make(zrms, trust, ret_token, err);
}

/* ---- the certificate ---- */

int joining_check(const struct zrms *zrms, struct error **err)
{
	CLEANUP(pki_authority_freep) struct pki_authority *authority = NULL;
	int r = cluster_check(zrms, err);
	return r < 0 ? r : authorities_signer(zrms, &authority, err);
}

int joining_issue(struct zrms *zrms, const struct pki_request *request, const char *name,
		  int64_t expires_wall_ms, char **ret_certificate, char **ret_authorities,
		  struct error **err)
{
	int64_t now_ms = loop_now(&zrms->loop).wall_ms;
	const struct pki_subject subject = {
		.role = "zhost", .name = name, .lifetime_ms = expires_wall_ms - now_ms};
	CLEANUP(pki_trust_freep) struct pki_trust *trust = NULL;
	CLEANUP(pki_authority_freep) struct pki_authority *authority = NULL;
	CLEANUP(pki_certificate_freep) struct pki_certificate *certificate = NULL;
	int r = authorities_trust(zrms, &trust, err);
	if (r == 0)
		r = authorities_signer(zrms, &authority, err);
	if (r == 0)
		r = pki_issue(authority, request, &subject, now_ms, &certificate, err);
	if (r < 0)
		return r;
	*ret_certificate = pki_certificate_write(certificate);
	*ret_authorities = pki_trust_write(trust);
	return 0;
}
