/* adapter/tls: who is let in, and what the others are told. */
#include "stage.h"

#include <string.h>

static const struct stream_connect_options link = {.protocol = "samoza-link/1",
						   .peer_role = "zrms"};
static const struct stream_connect_options page = {.protocol = "http/1.1", .peer_role = "zrms"};

static struct machine zhost_new(struct stage *s, const char *name)
{
	return machine_at(s->authority, "zhost", name, stage_now_ms(s), PKI_MACHINE_MS);
}

static void a_link_is_between_two_who_know_each_other(void **state)
{
	struct stage *s = *state;
	CLEANUP(machine_done) struct machine alpha = zhost_new(s, "alpha");
	stage_listen(s);
	stage_connect(s, client_new(s, &alpha, s->trust), &link);
	assert_true(s->near.is_connected);
	stage_until(s, &s->is_accepted);
	assert_int_equal(s->links, 1);
	assert_string_equal(stream_protocol(s->near.stream), "samoza-link/1");
	assert_string_equal(stream_protocol(s->far.stream), "samoza-link/1");
	assert_string_equal(stream_peer(s->near.stream)->role, "zrms");
	const struct stream_peer *peer = stream_peer(s->far.stream);
	char key[PKI_PIN_HEX];
	struct pki_pin pin = pki_key_pin(alpha.key);
	pki_pin_text(&pin, key);
	assert_string_equal(peer->name, "alpha");
	assert_string_equal(peer->key_hash, key);
	assert_true(peer->expires_wall_ms > stage_now_ms(s) + PKI_MACHINE_MS - 60000);
}

static void pages_are_for_those_without_a_certificate_too(void **state)
{
	struct stage *s = *state;
	stage_listen(s);
	stage_connect(s, client_new(s, NULL, s->trust), &page);
	assert_true(s->near.is_connected);
	stage_until(s, &s->is_accepted);
	assert_int_equal(s->pages, 1);
	assert_string_equal(stream_protocol(s->far.stream), "http/1.1");
	assert_null(stream_peer(s->far.stream)->name);
}

static void one_who_names_no_protocol_gets_pages(void **state)
{
	struct stage *s = *state;
	CLEANUP(machine_done) struct machine alpha = zhost_new(s, "alpha");
	stage_listen(s);
	stage_connect(s, client_new(s, &alpha, s->trust), &(struct stream_connect_options){0});
	stage_until(s, &s->is_accepted);
	assert_int_equal(s->pages, 1);
	assert_int_equal(s->links, 0);
	assert_string_equal(stream_protocol(s->far.stream), "http/1.1");
}

static void a_link_without_a_certificate_is_refused(void **state)
{
	struct stage *s = *state;
	stage_listen(s);
	stage_connect(s, client_new(s, NULL, s->trust), &link);
	if (!s->near.is_told || s->near.is_connected) {
		end_listen(&s->near);
		stage_until(s, &s->near.is_told);
	}
	assert_says(s->near.why->message, "this machine must join the cluster first");
	assert_says(s->refused, "that machine must join the cluster first");
	assert_int_equal(s->links, 0);
}

static void other_protocols_are_refused(void **state)
{
	struct stage *s = *state;
	CLEANUP(machine_done) struct machine alpha = zhost_new(s, "alpha");
	stage_listen(s);
	stage_connect(s, client_new(s, &alpha, s->trust),
		      &(struct stream_connect_options){.protocol = "h2"});
	assert_false(s->near.is_connected);
	assert_says(s->near.why->message, "does not speak our protocol");
	assert_says(s->near.why->message, "cannot connect to zrms:7331: ");
}

static void both_see_that_the_server_is_of_another_cluster(void **state)
{
	struct stage *s = *state;
	CLEANUP(machine_done)
	struct machine beta =
		machine_at(s->foreign, "zhost", "beta", stage_now_ms(s), PKI_MACHINE_MS);
	CLEANUP(pki_trust_freep) struct pki_trust *foreign = trust_of(s->foreign, NULL);
	stage_listen(s);
	stage_connect(s, client_new(s, &beta, foreign), &link);
	assert_false(s->near.is_connected);
	assert_int_equal(s->near.why->code, ERR_DENIED);
	assert_says(s->near.why->message, "this is another cluster: its CA is \"Samoza CA 1\"");
	assert_says(s->near.why->message, "join again with a token of that cluster");
	stage_until(s, &s->is_refused);
	assert_says(s->refused, "which is of another cluster");
}

/* It believes the server, and the server does not believe it. */
static void a_machine_of_another_cluster_is_told_so(void **state)
{
	struct stage *s = *state;
	CLEANUP(machine_done)
	struct machine beta =
		machine_at(s->foreign, "zhost", "beta", stage_now_ms(s), PKI_MACHINE_MS);
	CLEANUP(pki_trust_freep) struct pki_trust *both = trust_of(s->foreign, s->authority);
	stage_listen(s);
	stage_connect(s, client_new(s, &beta, both), &link);
	end_write(&s->near, "what it sends at once must not swallow the alert");
	end_listen(&s->near);
	stage_until(s, &s->near.is_told);
	assert_true(s->near.is_broken);
	assert_says(s->near.why->message,
		    "refuses our certificate, which is of another cluster");
	assert_says(s->refused, "this is another cluster: its CA is \"Samoza CA 1\"");
	assert_says(s->refused, "that machine must join this cluster with a token of it");
	assert_int_equal(s->links + s->pages, 0);
}

static void a_stolen_certificate_without_its_key_is_of_no_use(void **state)
{
	struct stage *s = *state;
	CLEANUP(machine_done) struct machine alpha = zhost_new(s, "alpha");
	CLEANUP(machine_done) struct machine thief = zhost_new(s, "thief");
	stage_listen(s);
	struct machine mixed = {.key = thief.key, .certificate = alpha.certificate};
	char *directory = directory_of(&mixed, s->trust);
	struct stream_transport *client = NULL;
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(tls_transport_new(&s->loop, sim_network_machine(s->net, "thief"),
					   &(struct tls_options){.directory = directory},
					   &client, &err),
			 ERR_INVALID);
	assert_says(err->message, "the key does not belong to the certificate");
	directory_remove(directory);
}

/* Of two machines with one key, TLS sees one identity: it is the listener that must keep one link. */
static void a_cloned_machine_shows_the_same_key(void **state)
{
	struct stage *s = *state;
	CLEANUP(machine_done) struct machine alpha = zhost_new(s, "alpha");
	char first[PKI_PIN_HEX];
	stage_listen(s);
	stage_connect(s, client_new(s, &alpha, s->trust), &link);
	stage_until(s, &s->is_accepted);
	memcpy(first, stream_peer(s->far.stream)->key_hash, sizeof(first));
	s->is_accepted = false;
	stage_connect(s, client_new(s, &alpha, s->trust), &link);
	stage_until(s, &s->is_accepted);
	assert_string_equal(stream_peer(s->far.stream)->key_hash, first);
	assert_string_equal(stream_peer(s->far.stream)->name, "alpha");
	CLEANUP(machine_done) struct machine again = zhost_new(s, "alpha");
	s->is_accepted = false;
	stage_connect(s, client_new(s, &again, s->trust), &link);
	stage_until(s, &s->is_accepted);
	assert_string_not_equal(stream_peer(s->far.stream)->key_hash, first);
}

static void an_expired_machine_is_refused_and_told(void **state)
{
	struct stage *s = *state;
	CLEANUP(machine_done)
	struct machine alpha =
		machine_at(s->authority, "zhost", "alpha", stage_now_ms(s), 10000);
	stage_listen(s);
	struct stream_transport *client = client_new(s, &alpha, s->trust);
	stage_run(s, 9000);
	stage_connect(s, client, &link);
	stage_until(s, &s->is_accepted);
	stage_run(s, 1001);
	stage_connect(s, client, &link);
	end_listen(&s->near);
	stage_until(s, &s->near.is_told);
	assert_says(s->near.why->message, "our certificate, which has expired by its clock");
	assert_says(s->refused, "its certificate has expired at ");
	/* The link that stood goes on: its end is the renewal's affair. */
	assert_int_equal(s->links, 1);
}

static void an_expired_machine_is_let_in_for_a_renewal_where_that_is_allowed(void **state)
{
	struct stage *s = *state;
	CLEANUP(machine_done)
	struct machine alpha =
		machine_at(s->authority, "zhost", "alpha", stage_now_ms(s), 10000);
	s->options.grace_ms = 20000;
	stage_listen(s);
	struct stream_transport *client = client_new(s, &alpha, s->trust);
	stage_run(s, 15000);
	stage_connect(s, client, &link);
	stage_until(s, &s->is_accepted);
	assert_true(stream_peer(s->far.stream)->expires_wall_ms < stage_now_ms(s));
	stage_run(s, 20000);
	stage_connect(s, client, &link);
	end_listen(&s->near);
	stage_until(s, &s->near.is_told);
	assert_says(s->refused, "join again with a fresh token and --replace");
}

static void an_expired_server_is_refused_by_its_clients(void **state)
{
	struct stage *s = *state;
	machine_done(&s->zrms);
	s->zrms = machine_at(s->authority, "zrms", "zrms", stage_now_ms(s) - 10000, 10000);
	stage_listen(s);
	stage_connect(s, client_new(s, NULL, s->trust), &page);
	assert_false(s->near.is_connected);
	assert_says(s->near.why->message, "its certificate has expired at ");
	assert_says(s->near.why->message,
		    "it must be renewed, or this machine's clock is wrong");
}

static void a_certificate_of_the_future_is_a_wrong_clock(void **state)
{
	struct stage *s = *state;
	machine_done(&s->zrms);
	s->zrms = machine_at(s->authority, "zrms", "zrms",
			     stage_now_ms(s) + 180 * PKI_MINUTE_MS + PKI_BACKDATE_MS,
			     PKI_SERVER_MS);
	stage_listen(s);
	stage_connect(s, client_new(s, NULL, s->trust), &page);
	assert_false(s->near.is_connected);
	assert_says(s->near.why->message, "your clock differs by at least 3 h");
}

static void one_who_was_removed_is_told_so(void **state)
{
	struct stage *s = *state;
	CLEANUP(machine_done) struct machine alpha = zhost_new(s, "alpha");
	s->removed = "alpha";
	stage_listen(s);
	stage_connect(s, client_new(s, &alpha, s->trust), &link);
	end_listen(&s->near);
	stage_until(s, &s->near.is_told);
	assert_says(s->near.why->message, "it was removed, or its identity was issued again");
	assert_string_equal(s->refused, "it was removed");
	assert_int_equal(s->links, 0);
}

static void a_client_insists_on_role_and_name(void **state)
{
	struct stage *s = *state;
	CLEANUP(machine_done) struct machine alpha = zhost_new(s, "alpha");
	stage_listen(s);
	struct stream_transport *client = client_new(s, &alpha, s->trust);
	stage_connect(s, client,
		      &(struct stream_connect_options){.protocol = "samoza-link/1",
						       .peer_role = "zhost",
						       .peer_name = "beta"});
	assert_false(s->near.is_connected);
	assert_says(s->near.why->message, "it is zrms 'zrms', expected zhost 'beta'");
	/* A zhost with a good certificate of its own cannot pass for zrms. */
	machine_done(&s->zrms);
	s->zrms = zhost_new(s, "false-one");
	directory_fill(s->options.directory, &s->zrms, s->trust);
	assert_int_equal(stream_transport_reload(s->server, NULL), 0);
	stage_connect(s, client, &link);
	assert_false(s->near.is_connected);
	assert_says(s->near.why->message, "it is zhost 'false-one', expected zrms");
}

static void one_who_joins_believes_a_pin_alone(void **state)
{
	struct stage *s = *state;
	struct pki_pin good = pki_certificate_pin(pki_authority_certificate(s->authority));
	struct pki_pin bad = pki_certificate_pin(pki_authority_certificate(s->foreign));
	CLEANUP(pki_trust_freep) struct pki_trust *right = NULL;
	CLEANUP(pki_trust_freep) struct pki_trust *wrong = NULL;
	assert_int_equal(pki_trust_pinned(&good, 1, &right, NULL), 0);
	assert_int_equal(pki_trust_pinned(&bad, 1, &wrong, NULL), 0);
	stage_listen(s);
	stage_connect(s, client_pinned(s, right), &page);
	assert_true(s->near.is_connected);
	stage_connect(s, client_pinned(s, wrong), &page);
	assert_false(s->near.is_connected);
	assert_says(s->near.why->message, "this is another cluster: its CA is \"Samoza CA 1\"");
}

/* Add the new authority, reissue, drop the old one: nothing restarts, and what stands stands. */
static void an_authority_is_replaced_while_links_stand(void **state)
{
	struct stage *s = *state;
	CLEANUP(pki_authority_freep)
	struct pki_authority *next = authority_at("c1", 2, stage_now_ms(s));
	CLEANUP(pki_trust_freep) struct pki_trust *both = trust_of(s->authority, next);
	CLEANUP(pki_trust_freep) struct pki_trust *only_next = trust_of(next, NULL);
	CLEANUP(machine_done) struct machine old = zhost_new(s, "alpha");
	CLEANUP(machine_done)
	struct machine new =
		machine_at(next, "zhost", "alpha", stage_now_ms(s), PKI_MACHINE_MS);
	stage_listen(s);
	struct stream_transport *before = client_new(s, &old, both);
	struct stream_transport *after = client_new(s, &new, both);
	stage_connect(s, before, &link);
	stage_until(s, &s->is_accepted);
	machine_done(&s->zrms);
	s->zrms = machine_at(next, "zrms", "zrms", stage_now_ms(s), PKI_SERVER_MS);
	directory_fill(s->options.directory, &s->zrms, only_next);
	assert_int_equal(stream_transport_reload(s->server, NULL), 0);
	end_listen(&s->far);
	end_write(&s->near, "still here");
	stage_run(s, 10);
	assert_int_equal(s->far.got.size, 10);
	stage_connect(s, before, &link);
	end_listen(&s->near);
	stage_until(s, &s->near.is_told);
	assert_true(s->near.is_broken);
	s->is_accepted = false;
	stage_connect(s, after, &link);
	stage_until(s, &s->is_accepted);
	assert_int_equal(s->links, 2);
}

static void a_reload_that_fails_changes_nothing(void **state)
{
	struct stage *s = *state;
	CLEANUP(error_freep) struct error *err = NULL;
	stage_listen(s);
	struct stream_transport *client = client_new(s, NULL, s->trust);
	CLEANUP(machine_done) struct machine other = zhost_new(s, "other");
	assert_int_equal(
		pki_identity_store(s->options.directory, other.key, s->zrms.certificate, NULL),
		0);
	assert_int_equal(stream_transport_reload(s->server, &err), ERR_INVALID);
	stage_connect(s, client, &page);
	assert_true(s->near.is_connected);
}

static void one_without_a_certificate_cannot_listen(void **state)
{
	struct stage *s = *state;
	struct stream_transport *client = client_new(s, NULL, s->trust);
	const struct stream_listen_options options = {.at = {"client-0", 1}};
	struct stream_listener *listener = NULL;
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(stream_listen(client, &options, &(struct stream_listen_handler){0},
				       NULL, &listener, &err),
			 ERR_INVALID);
	assert_says(err->message, "there is no certificate to show");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, stage_begin, stage_end)
	const struct CMUnitTest tests[] = {
		TEST(a_link_is_between_two_who_know_each_other),
		TEST(pages_are_for_those_without_a_certificate_too),
		TEST(one_who_names_no_protocol_gets_pages),
		TEST(a_link_without_a_certificate_is_refused),
		TEST(other_protocols_are_refused),
		TEST(both_see_that_the_server_is_of_another_cluster),
		TEST(a_machine_of_another_cluster_is_told_so),
		TEST(a_stolen_certificate_without_its_key_is_of_no_use),
		TEST(a_cloned_machine_shows_the_same_key),
		TEST(an_expired_machine_is_refused_and_told),
		TEST(an_expired_machine_is_let_in_for_a_renewal_where_that_is_allowed),
		TEST(an_expired_server_is_refused_by_its_clients),
		TEST(a_certificate_of_the_future_is_a_wrong_clock),
		TEST(one_who_was_removed_is_told_so),
		TEST(a_client_insists_on_role_and_name),
		TEST(one_who_joins_believes_a_pin_alone),
		TEST(an_authority_is_replaced_while_links_stand),
		TEST(a_reload_that_fails_changes_nothing),
		TEST(one_without_a_certificate_cannot_listen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
