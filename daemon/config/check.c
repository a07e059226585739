/* SPDX-License-Identifier: MIT */
#include "config/check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "config/syntax.h"
#include "config/users.h"

void check_readable(const char *path, const void *field, const char *what, struct diag *diag)
{
	struct err err;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		err_errno(&err, errno, "%s %s cannot be read", what, path);
		diag_error_at(diag, field, "%s", err.text);
		return;
	}
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		diag_error_at(diag, field, "%s %s is not a regular file", what, path);
	close(fd);
}

static void check_names(const struct config *c, struct diag *d)
{
	if (!syntax_is_fqdn(str_of(c->hostname)) && !syntax_is_literal(str_of(c->hostname)))
		diag_error_at(d, &c->hostname,
			      "hostname \"%s\" is neither a full name such as relay.contoso.com "
			      "(letters, digits, hyphens; no underscore, no dot at the end) nor an "
			      "address in brackets such as [192.168.1.5]; Exchange would refuse it",
			      c->hostname);
	if (c->default_domain[0] != '\0' && !syntax_is_fqdn(str_of(c->default_domain)))
		diag_error_at(d, &c->default_domain, "default_domain \"%s\" is not a domain",
			      c->default_domain);
	if (c->postmaster[0] != '\0' && !syntax_is_address(str_of(c->postmaster)))
		diag_error_at(d, &c->postmaster, "postmaster \"%s\" is not a mail address",
			      c->postmaster);
}

static void check_tls(const struct config *c, struct diag *d)
{
	bool certificate = c->tls_certificate[0] != '\0';
	bool key = c->tls_key[0] != '\0';
	if (certificate != key)
		diag_error_at(d, certificate ? &c->tls_certificate : &c->tls_key,
			      "tls needs certificate and key, or neither of them");
	if (certificate)
		check_readable(c->tls_certificate, &c->tls_certificate, "tls.certificate", d);
	if (key)
		check_readable(c->tls_key, &c->tls_key, "tls.key", d);
}

static void check_queue(const struct config *c, struct diag *d)
{
	struct statvfs vfs;
	if (c->queue.retry_first > c->queue.retry_max)
		diag_error_at(d, &c->queue.retry_first,
			      "queue.retry.first is longer than queue.retry.max");
	if (c->queue.retry_max > c->queue.lifetime)
		diag_warning_at(d, &c->queue.lifetime,
				"queue.lifetime is shorter than queue.retry.max: mail may get "
				"one attempt only");
	if (strcmp(c->queue.path, c->state_dir) == 0)
		diag_error_at(d, &c->queue.path,
			      "queue.path and state_dir must be different folders");
	if (statvfs(c->queue.path, &vfs) == 0 &&
	    c->queue.min_free / vfs.f_frsize >= (uint64_t)vfs.f_blocks)
		diag_warning_at(d, &c->queue.min_free,
				"queue.min_free is more than the whole file system of %s: no "
				"mail will be accepted",
				c->queue.path);
}

static bool same_endpoint(const struct endpoint *a, const struct endpoint *b)
{
	return a->len != 0 && a->len == b->len && memcmp(&a->sa, &b->sa, a->len) == 0;
}

/* Port 0 is any free port, so two of those do not collide. */
static bool wants_port(const struct listener_config *l)
{
	size_t n = strlen(l->address);
	return n < 2 || strcmp(l->address + n - 2, ":0") != 0;
}

static void check_listeners(const struct config *c, struct diag *d)
{
	if (c->listener_count == 0)
		diag_error_at(d, &c->listeners,
			      "nothing to listen on: listen = [ \"0.0.0.0:25\" ];");
	for (size_t i = 0; i < c->listener_count; i++) {
		const struct listener_config *l = &c->listeners[i];
		for (size_t j = 0; j < i; j++)
			if (wants_port(l) && same_endpoint(&l->endpoint, &c->listeners[j].endpoint))
				diag_error_at(d, l, "listener %s is there twice", l->address);
		if (l->auth == AUTH_RULE_REQUIRED && l->tls == LISTENER_TLS_NONE)
			diag_warning_at(d, l,
					"listener %s wants a login but offers no encryption: "
					"only devices with cleartext_auth = true can log in",
					l->address);
	}
}

static void check_patterns(const char *device, const char *key, const struct config_strings *list,
			   struct diag *d)
{
	if (diag_is_set(d, list) && list->n == 0 && !diag_is_wrong(d, list))
		diag_error_at(d, list, "device \"%s\": %s is empty; leave it out for any", device,
			      key);
	for (size_t i = 0; i < list->n; i++)
		if (!syntax_is_pattern(str_of(list->v[i])))
			diag_error_at(d, &list->v[i],
				      "device \"%s\": %s \"%s\" must be an address (a@b.c), a "
				      "domain (b.c) or its subdomains (*.b.c)",
				      device, key, list->v[i]);
}

static const char *whose(const struct network *wide)
{
	return network_is_everything(wide) ? "everybody" : "more than anybody owns";
}

static void check_device(const struct config *c, size_t index, struct diag *d)
{
	const struct device_config *dev = &c->devices[index];
	if (dev->name[0] != '\0' && !syntax_is_name(str_of(dev->name)))
		diag_error_at(d, &dev->name,
			      "device name \"%s\" may hold only letters, digits and . _ -, "
			      "beginning with a letter or digit",
			      dev->name);
	for (size_t j = 0; j < index; j++) {
		const struct device_config *other = &c->devices[j];
		if (dev->name[0] != '\0' && strcmp(dev->name, other->name) == 0)
			diag_error_at(d, &dev->name, "there are two devices named \"%s\"",
				      dev->name);
		if (dev->address[0] != '\0' && other->address[0] != '\0' &&
		    dev->network.bits == other->network.bits && dev->network.bits != 0 &&
		    memcmp(&dev->network.addr, &other->network.addr, sizeof(struct netaddr)) == 0)
			diag_error_at(d, &dev->address,
				      "devices \"%s\" and \"%s\" have the same address %s",
				      other->name, dev->name, dev->address);
	}
	check_patterns(dev->name, "senders", &dev->senders, d);
	check_patterns(dev->name, "recipients", &dev->recipients, d);
	if (dev->account != NULL && config_account(c, dev->account) == NULL)
		diag_error_at(d, &dev->account, "device \"%s\": there is no account \"%s\"",
			      dev->name, dev->account);
	if (dev->address[0] != '\0' && dev->auth != AUTH_RULE_REQUIRED &&
	    network_is_too_wide(&dev->network))
		diag_error_at(d, &dev->address,
			      "device \"%s\": %s is %s, which needs auth = \"required\"", dev->name,
			      dev->address, whose(&dev->network));
}

static void check_allow(const struct config *c, struct diag *d)
{
	for (size_t i = 0; i < c->allow_count; i++) {
		struct strbuf net;
		if (!network_is_too_wide(&c->allow[i]))
			continue;
		strbuf_init(&net, 64);
		network_append(&net, &c->allow[i]);
		diag_error_at(d, &c->allow[i],
			      "allow: %s is %s: the relay would be open to the world; name your "
			      "own networks",
			      strbuf_cstr(&net), whose(&c->allow[i]));
		strbuf_done(&net);
	}
}

/* NULL with a finding when the file is not right. */
static struct users *check_users(const struct config *c, struct diag *d)
{
	struct err err;
	struct stat st;
	struct users *users = users_load(c, &err);
	if (users == NULL)
		diag_error_at(d, &c->users_file, "%s", err.text);
	else if (stat(c->users_file, &st) == 0 && (st.st_mode & S_IROTH) != 0)
		diag_warning_at(d, &c->users_file,
				"everybody on this machine may read %s and try passwords on it: "
				"chmod o-rwx %s",
				c->users_file, c->users_file);
	return users;
}

/* Who may send is always said explicitly (design.md section 4). */
static void check_admission(const struct config *c, const struct users *users, struct diag *d)
{
	const struct listener_config *login = NULL;
	bool by_device = false;
	for (size_t i = 0; i < c->listener_count && login == NULL; i++)
		if (c->listeners[i].auth == AUTH_RULE_REQUIRED)
			login = &c->listeners[i];
	for (size_t i = 0; i < c->device_count; i++)
		by_device = by_device || c->devices[i].auth == AUTH_RULE_REQUIRED;
	/* An `allow` that is empty because nothing in it was right has been reported. */
	bool is_refused = diag_is_set(d, &c->allow) && d->error_count != 0;
	if (login == NULL && c->allow_count == 0 && c->device_count == 0 && !is_refused)
		diag_error(d, (struct diag_place){ d->path, 0 },
			   "nobody may send: say who in allow = [ \"192.168.0.0/16\" ]; or in "
			   "devices, or give a listener auth = \"required\"");
	if ((login != NULL || by_device) && users != NULL && users_count(users) == 0)
		diag_warning(
			d,
			login != NULL ? diag_origin(d, login) : (struct diag_place){ d->path, 0 },
			"auth = \"required\", but %s names no user: nobody can log in; `oauthrelay "
			"user add NAME` adds one",
			c->users_file);
}

/* All of inner's addresses belong to a device that says its account. */
static bool has_account(const struct config *c, const struct network *inner)
{
	for (size_t i = 0; i < c->device_count; i++) {
		const struct device_config *dev = &c->devices[i];
		if (dev->account != NULL && dev->address[0] != '\0' &&
		    dev->network.bits <= inner->bits &&
		    network_contains(&dev->network, &inner->addr))
			return true;
	}
	return false;
}

/* Only users may send from it, and each of them has an account. */
static bool is_routed_by_login(const struct device_config *device, const struct users *users)
{
	return device->auth == AUTH_RULE_REQUIRED && users != NULL &&
	       users_without_account(users) == NULL;
}

/* A listener where whoever logs in may send: the user's account, or one for everybody. */
static void check_login_route(const struct config *c, const struct listener_config *l,
			      const struct users *users, struct diag *d)
{
	static const struct network everybody = { 0 };
	static const struct network everybody_v4 = {
		{ { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff } }, 96
	};
	bool v4 = l->endpoint.sa.ss_family == AF_INET;
	const struct user *user = users_without_account(users);
	if (user == NULL || has_account(c, v4 ? &everybody_v4 : &everybody))
		return;
	diag_error_at(d, l,
		      "listener %s admits whoever logs in, there are several accounts, and the "
		      "user %s of %s has none: add :account=NAME to its line, or say which one in "
		      "devices: { name = \"login\"; address = \"%s\"; auth = \"required\"; "
		      "account = \"...\"; }",
		      l->address, user->name, c->users_file, v4 ? "0.0.0.0/0" : "::/0");
}

/* With several accounts, all mail that can come in must know where it goes out. */
static void check_routes(const struct config *c, const struct users *users, struct diag *d)
{
	if (c->account_count < 2)
		return;
	for (size_t i = 0; i < c->device_count; i++)
		if (c->devices[i].account == NULL && !is_routed_by_login(&c->devices[i], users))
			diag_error_at(d, &c->devices[i],
				      "device \"%s\" must say its account, as there are several",
				      c->devices[i].name);
	for (size_t i = 0; i < c->allow_count; i++) {
		if (has_account(c, &c->allow[i]))
			continue;
		struct strbuf net;
		strbuf_init(&net, 64);
		network_append(&net, &c->allow[i]);
		diag_error_at(d, &c->allow[i],
			      "allow: which account is the mail of %s for, as there are several? "
			      "Give it a place in devices, with an account",
			      strbuf_cstr(&net));
		strbuf_done(&net);
	}
	for (size_t i = 0; i < c->listener_count && users != NULL; i++)
		if (c->listeners[i].auth == AUTH_RULE_REQUIRED)
			check_login_route(c, &c->listeners[i], users, d);
}

static void check_accounts(const struct config *c, struct diag *d)
{
	if (c->account_count == 0)
		diag_error_at(d, &c->accounts,
			      "there is no account to send with: accounts = ( { ... } );");
	for (size_t i = 0; i < c->account_count; i++) {
		const struct account_config *a = &c->accounts[i];
		for (size_t j = 0; j < i; j++)
			if (a->name[0] != '\0' && strcmp(a->name, c->accounts[j].name) == 0)
				diag_error_at(d, &a->name, "there are two accounts named \"%s\"",
					      a->name);
		check_account(a, d);
	}
}

void check_config(const struct config *config, struct diag *diag)
{
	check_names(config, diag);
	check_tls(config, diag);
	check_queue(config, diag);
	check_listeners(config, diag);
	check_allow(config, diag);
	for (size_t i = 0; i < config->device_count; i++)
		check_device(config, i, diag);
	struct users *users = check_users(config, diag);
	check_admission(config, users, diag);
	check_proxy(&config->proxy, "proxy", diag);
	check_accounts(config, diag);
	check_routes(config, users, diag);
	users_unref(users);
}
