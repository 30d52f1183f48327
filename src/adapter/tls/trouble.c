#include "adapter/tls/trouble.h"

#include <ctype.h>
#include <openssl/err.h>
#include <string.h>

#include "adapter/pki/private.h"
#include "adapter/tls/handshake.h"
#include "base/str.h"

enum { RECORD_HANDSHAKE = 22, RECORD_ALERT = 21 };

struct alert_text {
	int alert;
	const char *text; /* after "it " */
};

static const struct alert_text alert_texts[] = {
	{SSL_AD_CERTIFICATE_EXPIRED, "refuses our certificate, which has expired by its clock"},
	{SSL_AD_CERTIFICATE_REVOKED, "does not know this machine any more: it was removed, or "
				     "its identity was issued again; "
				     "join again with a fresh token and --replace"},
	{SSL_AD_UNKNOWN_CA, "refuses our certificate, which is of another cluster: check the "
			    "address, or join again "
			    "with a token of that cluster"},
	{SSL_AD_CERTIFICATE_REQUIRED,
	 "wants to know who we are: this machine must join the cluster first"},
	{SSL_AD_BAD_CERTIFICATE, "refuses our certificate: it is not valid there, or of a role "
				 "that it does not expect"},
	{SSL_AD_NO_APPLICATION_PROTOCOL,
	 "does not speak our protocol: it may be another program, "
	 "or of another version"},
	{SSL_AD_PROTOCOL_VERSION, "does not speak TLS 1.3"},
};

/* The number of the alert that the peer sent, by OpenSSL's newest error; -1: none. */
static int alert_received(void)
{
	unsigned long code = ERR_peek_last_error();
	int reason = ERR_GET_REASON(code);
	return ERR_GET_LIB(code) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET
		       ? reason - SSL_AD_REASON_OFFSET
		       : -1;
}

/* "; your clock differs by 3 h …", where that may be the cause; the caller frees. */
static char *clock_hint(const struct tls_stream *tls)
{
	int64_t apart_ms = tls->clock_apart_ms;
	if (apart_ms < PKI_MINUTE_MS && apart_ms > -PKI_MINUTE_MS)
		return mem_strdup("");
	CLEANUP(freep) char *apart = pki_duration_text(apart_ms);
	return str_printf("; your clock differs by %s from the clock of the other end; set the "
			  "one that is wrong",
			  apart);
}

/* NULL: the peer has sent no alert. */
static char *alert_text(const struct tls_stream *tls)
{
	int alert = alert_received();
	if (alert < 0)
		return NULL;
	CLEANUP(freep) char *hint = clock_hint(tls);
	for (size_t i = 0; i < ARRAY_SIZE(alert_texts); i++)
		if (alert_texts[i].alert == alert)
			return str_printf("it %s%s", alert_texts[i].text,
					  alert == SSL_AD_CERTIFICATE_EXPIRED ||
							  alert == SSL_AD_BAD_CERTIFICATE
						  ? hint
						  : "");
	return str_printf("it refuses: %s", SSL_alert_desc_string_long(alert));
}

/* "cannot connect to HOST:PORT: WHY" at a client; "WHY" at a server, whose log names the address. */
static struct error *say(const struct tls_handshake *h, enum error_code code, const char *why)
{
	struct error *err = NULL;
	(void)error_set(&err, code, "%s", why);
	if (!h->is_server)
		(void)error_wrap(&err, "cannot connect to %s:%u", h->host, h->port);
	ERR_clear_error();
	return err;
}

static bool is_tls(const struct tls_handshake *h)
{
	return h->first.size == 0 || h->first.bytes[0] == RECORD_HANDSHAKE ||
	       h->first.bytes[0] == RECORD_ALERT;
}

bool trouble_sees_http(const struct tls_handshake *h)
{
	const struct tls_first *first = &h->first;
	if (!h->is_server)
		return first->size >= 5 && memcmp(first->bytes, "HTTP/", 5) == 0;
	size_t letters = 0;
	while (letters < first->size && isupper(first->bytes[letters]))
		letters++;
	return letters >= 3 && (letters == first->size || first->bytes[letters] == ' ');
}

static const char *plain_text(const struct tls_handshake *h)
{
	if (!trouble_sees_http(h))
		return "it does not speak TLS";
	return h->is_server ? "it speaks plain HTTP, and this port TLS: it must use https://"
			    : "it speaks plain HTTP, not TLS: use http://, or start it with a "
			      "certificate";
}

struct error *trouble_of_handshake(const struct tls_handshake *h)
{
	CLEANUP(freep) char *alert = alert_text(h->tls);
	if (h->why != NULL)
		return say(h, ERR_DENIED, h->why->message);
	if (!is_tls(h))
		return say(h, ERR_UNAVAILABLE, plain_text(h));
	if (alert != NULL)
		return say(h, ERR_DENIED, alert);
	if (h->tls->broken != NULL)
		return say(h, ERR_UNAVAILABLE, h->tls->broken->message);
	if (h->tls->inner_ended)
		return say(h, ERR_UNAVAILABLE,
			   h->is_server ? "it went away during the TLS handshake"
					: "it closed the connection during the TLS handshake: "
					  "does it speak TLS?");
	if (h->is_server &&
	    ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
		return say(
			h, ERR_DENIED,
			"it does not say who it is: that machine must join the cluster first");
	CLEANUP(error_freep) struct error *reason = NULL;
	(void)openssl_error(&reason, ERR_UNAVAILABLE, "the TLS handshake failed");
	return say(h, ERR_UNAVAILABLE, reason->message);
}

int trouble_protocol(const struct tls_handshake *h, struct error **err)
{
	CLEANUP(freep)
	char *why = h->is_server ? mem_strdup("it names no protocol that is spoken here")
				 : str_printf("it does not speak %s", h->protocol);
	return error_move(err, say(h, ERR_UNAVAILABLE, why));
}

struct error *trouble_late(const struct tls_handshake *h)
{
	if (h->is_server)
		return say(h, ERR_TIMEOUT, "it did not finish the TLS handshake in time");
	return say(h, ERR_TIMEOUT,
		   h->context != NULL ? "no answer to the TLS handshake: does it speak TLS?"
				      : "no answer");
}

struct error *trouble_of_stream(const struct tls_stream *tls)
{
	struct error *err = NULL;
	CLEANUP(freep) char *alert = alert_text(tls);
	if (tls->broken != NULL)
		ERR_clear_error();
	else if (alert != NULL)
		(void)error_set(&err, ERR_UNAVAILABLE, "the connection broke: %s", alert);
	else if (tls->inner_ended)
		(void)error_set(&err, ERR_UNAVAILABLE,
				"the connection broke: it was cut off in the middle");
	else
		(void)openssl_error(&err, ERR_UNAVAILABLE, "the connection broke");
	ERR_clear_error();
	return err;
}
