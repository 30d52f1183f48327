/*
 * The certificate of a zrms that stands by, and whom it believes. It does not know who signs now, as it has no records, so it asks
 * the leader, by the certificate that it has:
 *
 *   each ASK_MS ─► POST /v1/cluster/zrms/identity ─► whom the cluster trusts ─► authorities.pem
 *                   ├ with a new key, when its own is to be renewed, or another authority signs ─► identity.pem
 *                   ├ keys of secrets (secret/member_secrets.h)
 *                   └ keys of authorities that it lacks, after a rotation ─► authority.pem, authority-next.pem
 *
 * So it is known to zhosts, to the others and to the etcd that shows the same certificate, however long it stands by, and after
 * each rotation of the authority. A leader renews its own (listen.h).
 *
 * Source: [machines.identity.renewal], [machines.replicated.standby].
 */
#ifndef SAMOZA_ZRMS_MEMBER_IDENTITY_H
#define SAMOZA_ZRMS_MEMBER_IDENTITY_H

struct member_identity;
struct zrms;

/* PRE: lead is there before the loop runs. It asks until zrms leads. */
struct member_identity *member_identity_new(struct zrms *zrms);
/* NULL is fine. */
void member_identity_free(struct member_identity *identity);

#endif
