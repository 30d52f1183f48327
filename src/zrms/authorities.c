#include "zrms/authorities.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapter/log/log.h"
#include "adapter/pki/credentials.h"
#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"
#include "core/access/authorities.h"
#include "schema/message.h"
#include "zrms/ca_passphrase.h"
#include "zrms/own_identity.h"
#include "zrms/zrms.h"

_Static_assert(AUTHORITY_PIN_SIZE == PKI_PIN_BYTES, "the core keeps pins as they are made");
_Static_assert(AUTHORITY_FORMER_MS == PKI_RENEW_GRACE_MS,
	       "one that was away has the same time");
_Static_assert(AUTHORITIES_FORMER_MAX < PKI_OTHERS_MAX, "each has a certificate of its own");

enum { PEM_MAX = 256 * 1024 };

static int64_t wall_ms(const struct zrms *zrms)
{
	return loop_now(&((struct zrms *)(uintptr_t)zrms)->loop).wall_ms;
}

static struct pki_pin pin_of(const Samoza__V1__AuthorityRecord *one)
{
	struct pki_pin pin;
	memcpy(pin.bytes, one->pin.data, sizeof(pin.bytes));
	return pin;
}

/* ---- by the record ---- */

int authorities_signer(const struct zrms *zrms, struct pki_authority **ret_authority,
		       struct error **err)
{
	const struct authorities *a = &zrms->authorities;
	if (a->record == NULL)
		return own_authority_read(zrms->settings.dir, a->passphrase, ret_authority,
					  err);
	const struct pki_pin pin = pin_of(authorities_signer_record(a->record));
	return own_authority_find(zrms->settings.dir, &pin, a->passphrase, ret_authority, err);
}

static char *believed_pem(const Samoza__V1__AuthoritiesRecord *r)
{
	struct buffer pem = BUFFER_INIT(PEM_MAX);
	for (size_t k = 0; k < r->n_believed; k++)
		(void)buffer_printf(&pem, "%s", r->believed[k]->certificate);
	return buffer_steal(&pem);
}

static int trust_file_read(const struct zrms *zrms, char **ret_pem, struct error **err)
{
	CLEANUP(freep)
	char *path = str_printf("%s/credentials/" PKI_AUTHORITIES_FILE, zrms->settings.dir);
	size_t size = 0;
	return pki_file_read(path, ret_pem, &size, err);
}

int authorities_trust(const struct zrms *zrms, struct pki_trust **ret_trust, struct error **err)
{
	const Samoza__V1__AuthoritiesRecord *r = zrms->authorities.record;
	CLEANUP(freep) char *pem = r != NULL ? believed_pem(r) : NULL;
	int result = pem != NULL ? 0 : trust_file_read(zrms, &pem, err);
	return result < 0 ? result : pki_trust_read(pem, strlen(pem), ret_trust, err);
}

static Samoza__V1__AuthorityRecord *
record_new(uint32_t number, const struct pki_certificate *certificate, int64_t since_ms)
{
	Samoza__V1__AuthorityRecord *r = (Samoza__V1__AuthorityRecord *)schema_message_new(
		&samoza__v1__authority_record__descriptor);
	const struct pki_pin pin = pki_certificate_pin(certificate);
	r->number = number;
	r->pin = (ProtobufCBinaryData){sizeof(pin.bytes),
				       mem_memdup(pin.bytes, sizeof(pin.bytes))};
	CLEANUP(freep) char *pem = pki_certificate_write(certificate);
	schema_set_string(&r->certificate, NULL, pem);
	r->since_ms = since_ms;
	return r;
}

int authorities_first(const struct zrms *zrms, Samoza__V1__AuthorityRecord **ret_record,
		      struct error **err)
{
	CLEANUP(freep) char *pem = NULL;
	CLEANUP(pki_certificate_freep) struct pki_certificate *certificate = NULL;
	CLEANUP(pki_identity_done) struct pki_identity identity = {0};
	int r = trust_file_read(zrms, &pem, err);
	if (r == 0)
		r = pki_certificate_read(pem, strlen(pem), &certificate, err);
	if (r == 0)
		r = pki_certificate_identity(certificate, &identity, err);
	if (r == 0)
		*ret_record =
			record_new(1, certificate, identity.not_before_ms + PKI_BACKDATE_MS);
	return r;
}

int authorities_make_next(struct zrms *zrms, Samoza__V1__AuthorityRecord **ret_record,
			  struct error **err)
{
	struct authorities *a = &zrms->authorities;
	CLEANUP(pki_authority_freep) struct pki_authority *next = NULL;
	CLEANUP(pki_authority_freep) struct pki_authority *signer = NULL;
	const Samoza__V1__AuthoritiesRecord *ahead = control_authorities(zrms->control);
	bool is_under_way = a->begins || a->unsettled ||
			    (a->record != NULL && a->record->phase != AUTHORITY_STABLE) ||
			    (ahead != NULL && ahead->phase != AUTHORITY_STABLE);
	if (is_under_way)
		return error_set(err, ERR_CONFLICT,
				 "a rotation is under way: let it end, or give --finish or "
				 "--abort");
	int r = authorities_signer(zrms, &signer, err);
	if (r < 0)
		return r;
	uint32_t number = a->record != NULL ? a->record->newest + 1 : 2;
	r = own_authority_make_next(zrms->settings.dir, zrms->cluster->id, number,
				    a->passphrase, wall_ms(zrms), &next, err);
	if (r == 0)
		*ret_record =
			record_new(number, pki_authority_certificate(next), wall_ms(zrms));
	return r;
}

bool authorities_can_return(const struct zrms *zrms)
{
	const Samoza__V1__AuthoritiesRecord *r = zrms->authorities.record;
	const Samoza__V1__AuthorityRecord *other = r != NULL ? authorities_other(r) : NULL;
	CLEANUP(pki_authority_freep) struct pki_authority *authority = NULL;
	if (other == NULL || r->phase == AUTHORITY_ADDING)
		return true; /* the core says what is wrong, if anything is */
	const struct pki_pin pin = pin_of(other);
	return own_authority_find(zrms->settings.dir, &pin, zrms->authorities.passphrase,
				  &authority, NULL) == 0;
}

/* ---- files ---- */

static char *path_of(const struct zrms *zrms, const char *name)
{
	return str_printf("%s/credentials/%s", zrms->settings.dir, name);
}

static int file_follow(const struct zrms *zrms, const char *name, const char *pem,
		       struct error **err)
{
	CLEANUP(freep) char *path = path_of(zrms, name);
	CLEANUP(pki_secret_freep) char *is = NULL;
	size_t size = 0;
	if (pem[0] == '\0') {
		(void)unlink(path);
		return 0;
	}
	if (pki_file_read(path, &is, &size, NULL) == 0 && str_equal(is, pem))
		return 0;
	return pki_file_write(path, pem, strlen(pem), err);
}

static int former_follow(const struct zrms *zrms, struct error **err)
{
	const Samoza__V1__AuthoritiesRecord *r = zrms->authorities.record;
	struct buffer pem = BUFFER_INIT(PEM_MAX);
	for (size_t k = 0; k < r->n_former; k++)
		if (r->former[k]->until_ms > wall_ms(zrms))
			(void)buffer_printf(&pem, "%s", r->former[k]->certificate);
	CLEANUP(freep) char *text = buffer_steal(&pem);
	return file_follow(zrms, PKI_FORMER_FILE, text != NULL ? text : "", err);
}

static int believed_follow(const struct zrms *zrms, struct error **err)
{
	CLEANUP(freep) char *pem = believed_pem(zrms->authorities.record);
	return file_follow(zrms, PKI_AUTHORITIES_FILE, pem, err);
}

/* ---- zrms' own certificates ---- */

/* Until when the one in that file is good, where it is of that authority; 0: it is not. */
static int64_t good_until(const struct zrms *zrms, const char *name,
			  const Samoza__V1__AuthorityRecord *one)
{
	CLEANUP(freep) char *path = path_of(zrms, name);
	CLEANUP(pki_secret_freep) char *pem = NULL;
	CLEANUP(pki_certificate_freep) struct pki_certificate *certificate = NULL;
	CLEANUP(pki_trust_freep) struct pki_trust *trust = NULL;
	CLEANUP(pki_identity_done) struct pki_identity identity = {0};
	const struct pki_expectation expected = {.now_wall_ms = wall_ms(zrms),
						 .is_server = true};
	size_t size = 0;
	if (pki_file_read(path, &pem, &size, NULL) < 0 ||
	    pki_certificate_read(pem, size, &certificate, NULL) < 0 ||
	    pki_trust_read(one->certificate, strlen(one->certificate), &trust, NULL) < 0 ||
	    pki_verify(trust, &expected, certificate, NULL, 0, &identity, NULL, NULL) < 0)
		return 0;
	return identity.not_after_ms;
}

/* `other` 0: the one that zrms shows to everybody. */
static int identity_follow(const struct zrms *zrms, const Samoza__V1__AuthorityRecord *one,
			   uint32_t other, int64_t until_ms, struct error **err)
{
	CLEANUP(freep)
	char *name = other == 0 ? mem_strdup(PKI_IDENTITY_FILE)
				: str_printf("identity-%u.pem", other);
	CLEANUP(freep) const char **addresses = NULL;
	CLEANUP(pki_authority_freep) struct pki_authority *authority = NULL;
	const Samoza__V1__ClusterFile *file = zrms->cluster;
	const struct pki_pin pin = pin_of(one);
	if (good_until(zrms, name, one) >= until_ms)
		return 0;
	int r = own_authority_find(zrms->settings.dir, &pin, zrms->authorities.passphrase,
				   &authority, err);
	if (r < 0)
		return r;
	addresses = mem_new_array(const char *, file->n_advertise + 1);
	memcpy(addresses, file->advertise, file->n_advertise * sizeof(*addresses));
	return own_identity_issue(zrms->settings.dir, authority, other, addresses,
				  PKI_SERVER_MS + PKI_DAY_MS, wall_ms(zrms), err);
}

/* A former one whose key is gone has what was made for it before. */
static int others_follow(const struct zrms *zrms, struct error **err)
{
	const Samoza__V1__AuthoritiesRecord *r = zrms->authorities.record;
	const Samoza__V1__AuthorityRecord *other = authorities_other(r);
	int result = 0;
	/* While the next one is added, etcd is shown whether it is believed (store_trust.h). */
	if (other != NULL)
		result = identity_follow(zrms, other, other->number,
					 wall_ms(zrms) + PKI_SERVER_MS / 2, err);
	for (size_t k = 0; result == 0 && k < r->n_former; k++) {
		CLEANUP(error_freep) struct error *why = NULL;
		result = identity_follow(zrms, r->former[k], r->former[k]->number,
					 r->former[k]->until_ms, &why);
		if (result == ERR_NOT_FOUND)
			result = 0;
		else if (result < 0)
			result = error_move(err, steal_ptr(&why));
	}
	return result;
}

static bool is_needed(const Samoza__V1__AuthoritiesRecord *r, uint32_t number, int64_t now_ms)
{
	const Samoza__V1__AuthorityRecord *other = authorities_other(r);
	for (size_t k = 0; k < r->n_former; k++)
		if (r->former[k]->number == number && r->former[k]->until_ms > now_ms)
			return true;
	return other != NULL && other->number == number;
}

static int is_other_identity(const struct dirent *e)
{
	return str_has_prefix(e->d_name, "identity-");
}

static void others_forget(const struct zrms *zrms)
{
	CLEANUP(freep) char *directory = own_identity_directory(zrms->settings.dir);
	struct dirent **all = NULL;
	int n = scandir(directory, &all, is_other_identity, alphasort);
	for (int i = 0; i < n; i++) {
		CLEANUP(freep) char *path = path_of(zrms, all[i]->d_name);
		uint32_t number = (uint32_t)atoi(all[i]->d_name + strlen("identity-"));
		if (!is_needed(zrms->authorities.record, number, wall_ms(zrms)))
			(void)unlink(path);
		free(all[i]);
	}
	free(all);
}

/* ---- the keys: the last step, and the only one that cannot be done again ---- */

static int keys_follow(const struct zrms *zrms, struct error **err)
{
	CLEANUP(freep) char *path = path_of(zrms, OWN_AUTHORITY_FILE);
	CLEANUP(freep) char *next = path_of(zrms, OWN_AUTHORITY_NEXT_FILE);
	const Samoza__V1__AuthoritiesRecord *r = zrms->authorities.record;
	if (access(next, F_OK) < 0 || zrms->authorities.begins ||
	    (r != NULL && r->phase != AUTHORITY_STABLE))
		return 0;
	const struct pki_pin pin =
		r != NULL ? pin_of(authorities_signer_record(r)) : (struct pki_pin){{0}};
	if (r == NULL || !own_authority_is(next, &pin)) {
		(void)unlink(next); /* it was never believed, or was taken back */
		return 0;
	}
	return pki_file_rename(next, path, err);
}

int authorities_settle(struct zrms *zrms, struct error **err)
{
	struct authorities *a = &zrms->authorities;
	int r = 0;
	if (a->record != NULL) {
		const Samoza__V1__AuthorityRecord *signer =
			authorities_signer_record(a->record);
		r = identity_follow(zrms, signer, 0, 1, err);
		if (r == 0)
			r = others_follow(zrms, err);
		if (r == 0)
			r = former_follow(zrms, err);
		if (r == 0)
			r = believed_follow(zrms, err);
	}
	if (r == 0)
		r = keys_follow(zrms, err);
	if (r == 0 && a->record != NULL)
		others_forget(zrms);
	a->unsettled = r < 0;
	a->settled_wall_ms = wall_ms(zrms);
	return r;
}

/* ---- when ---- */

static void settle(struct zrms *zrms)
{
	CLEANUP(error_freep) struct error *err = NULL;
	if (authorities_settle(zrms, &err) < 0)
		log_error("tls", "authorities.unsettled", LOG_E(err),
			  LOG_S("then", "it is tried again; until then zrms shows the "
					"certificates that it has"));
}

/* A key that cannot be opened would be missed when the first certificate ends; one that is kept elsewhere is meant. */
static int signer_check(const struct zrms *zrms, struct error **err)
{
	CLEANUP(pki_authority_freep) struct pki_authority *authority = NULL;
	CLEANUP(error_freep) struct error *why = NULL;
	int r = authorities_signer(zrms, &authority, &why);
	return r < 0 && r != ERR_NOT_FOUND ? error_move(err, steal_ptr(&why)) : 0;
}

int authorities_start(struct zrms *zrms, struct error **err)
{
	const Samoza__V1__AuthoritiesRecord *loaded = control_authorities(zrms->control);
	if (zrms->cluster == NULL)
		return 0;
	int r = ca_passphrase_find(&zrms->settings, &zrms->authorities.passphrase, err);
	if (r < 0)
		return r;
	if (loaded != NULL)
		zrms->authorities.record =
			(Samoza__V1__AuthoritiesRecord *)schema_message_copy(&loaded->base);
	r = signer_check(zrms, err);
	if (r == 0)
		settle(zrms);
	return r;
}

void authorities_free(struct zrms *zrms)
{
	schema_message_free(zrms->authorities.record);
	pki_secret_free(zrms->authorities.passphrase);
}

void authorities_committed(struct zrms *zrms, const struct record_change *change)
{
	ProtobufCMessage *message = NULL;
	if (zrms->cluster == NULL)
		return;
	int r = schema_message_unpack(&samoza__v1__authorities_record__descriptor, change->data,
				      change->size, &message, NULL);
	INVARIANT(r == 0); /* the core has just written it */
	schema_message_free(zrms->authorities.record);
	zrms->authorities.record = (Samoza__V1__AuthoritiesRecord *)message;
	zrms->authorities.begins = false;
	log_info("tls", "authorities",
		 LOG_U("generation", zrms->authorities.record->generation),
		 LOG_U("signer", zrms->authorities.record->signer));
	settle(zrms);
}

/* The time of a former one is over, and it is still let in. */
static bool is_over(const struct zrms *zrms)
{
	const Samoza__V1__AuthoritiesRecord *r = zrms->authorities.record;
	for (size_t k = 0; r != NULL && k < r->n_former; k++)
		if (r->former[k]->until_ms <= wall_ms(zrms) &&
		    r->former[k]->until_ms > zrms->authorities.settled_wall_ms)
			return true;
	return false;
}

bool authorities_look(struct zrms *zrms)
{
	if (!zrms->authorities.unsettled && !is_over(zrms))
		return false;
	settle(zrms);
	return true;
}
