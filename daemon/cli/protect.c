/* SPDX-License-Identifier: MIT */
#include "cli/protect.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "common/attr.h"

/* proxy, ca_file and the system's own configuration of OpenSSL say all of this. */
const char *const protect_unwanted[] = {
	/* keys of TLS, written down */
	"SSLKEYLOGFILE",
	/* another way out for tokens */
	"http_proxy",
	"HTTP_PROXY",
	"https_proxy",
	"HTTPS_PROXY",
	"all_proxy",
	"ALL_PROXY",
	"no_proxy",
	"NO_PROXY",
	/* other authorities, other rules for TLS, code of somebody else's */
	"SSL_CERT_FILE",
	"SSL_CERT_DIR",
	"CURL_CA_BUNDLE",
	"OPENSSL_CONF",
	"OPENSSL_CONF_INCLUDE",
	"OPENSSL_MODULES",
	"OPENSSL_ENGINES",
	/* names that mean another machine (resolver(5), hostname(7)) */
	"HOSTALIASES",
	"LOCALDOMAIN",
	"RES_OPTIONS",
};
const size_t protect_unwanted_count = ARRAY_LEN(protect_unwanted);

void protect_process(void)
{
	const struct rlimit none = { 0, 0 };
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	for (size_t i = 0; i < protect_unwanted_count; i++)
		unsetenv(protect_unwanted[i]); /* NOLINT(concurrency-mt-unsafe): no thread yet */
	/* Core dumps that a pipe of the kernel's takes heed no limit, but this. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0 ||
	    sigaction(SIGPIPE, &ignore, NULL) != 0)
		abort(); /* cannot be: all arguments are right */
}
