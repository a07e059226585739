/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include <string.h>

#include "common/quote.h"
#include "config/nearest.h"

enum {
	ONLINE = OPTION_CONFIG | OPTION_SOCKET | OPTION_JSON,
	/* More than it takes, so that it can say where a password belongs. */
	PASSWORD_TOO = CLI_WORDS_MAX - 2,
	/* A pasted text is many words. */
	ANY_WORDS = CLI_WORDS_MAX - 1,
};

const struct command commands[] = {
	{ "run", "", "the daemon, in the foreground",
	  "Takes mail from devices and sends it on until it is stopped. Logs to stderr,\n"
	  "tells systemd when it is ready. SIGHUP reads the configuration again, SIGTERM\n"
	  "and SIGINT stop it; what it has accepted stays in the queue and is sent after\n"
	  "the next start.\n",
	  OPTION_CONFIG, 0, 0, cmd_run },
	{ "config check", "", "says whether the configuration is right",
	  "Reads the configuration and the files it names and tells everything that is\n"
	  "wrong or doubtful, each with its line. Exits 0 when nothing is wrong with it;\n"
	  "whether ports and folders are free to use shows at the start. As root, the\n"
	  "installed configuration is checked as the user oauthrelay would see it.\n",
	  OPTION_CONFIG, 0, 0, cmd_config_check },
	{ "config show", "", "prints the configuration in force, secrets masked",
	  "Prints every setting with its effective value: what the file says, and where\n"
	  "it is silent the preset of the account's provider or the default.\n",
	  OPTION_CONFIG | OPTION_JSON, 0, 0, cmd_config_show },
	{ "config keys", "[SECTION|KEY]", "explains what can be set",
	  "Prints all settings with type, range, default, and whether a change needs a\n"
	  "restart. A name limits that to a section (accounts) or a key (queue.lifetime,\n"
	  "or just lifetime).\n",
	  OPTION_JSON, 0, 1, cmd_config_keys },
	{ "account list", "", "prints how accounts get their tokens",
	  "One line for each account: its grant, its state, how long its token is good,\n"
	  "and what it shows the token endpoint to get one. Below it each credential, and\n"
	  "since when somebody is signed in, with the day on which it ends.\n",
	  ONLINE, 0, 0, cmd_account_list },
	{ "account secret", "NAME", "gives an account a new client secret",
	  "Asks for the secret (the Value, not the Secret ID), or reads one line from stdin\n"
	  "where that is no terminal. The running relay gets a token with it; if that works\n"
	  "it stores it sealed and uses it from then on, with what was used before behind\n"
	  "it. If not, it says why, and nothing changes. --expires tells the day on which\n"
	  "the secret ends. --forget takes away what commands have added (secrets and\n"
	  "certificates), so that only the configuration's remain.\n",
	  ONLINE | OPTION_SECRET, 1, PASSWORD_TOO, cmd_account_secret },
	{ "account certificate", "NAME", "makes a certificate for an account",
	  "Makes key and certificate in the running relay, writes the certificate to\n"
	  "NAME.cer (or where --out says) and prints where to upload it. The key never\n"
	  "leaves the relay. It is used by itself as soon as it is accepted. Given again,\n"
	  "the command tries it at once, prints how things are, and writes the same\n"
	  "certificate; --new makes another.\n",
	  ONLINE | OPTION_CERTIFICATE, 1, 1, cmd_account_certificate },
	{ "device list", "", "prints who has connected, and who has not",
	  "One line for each address that has connected since the start, the last one\n"
	  "first, with the last refusal below it; then the configured devices that have\n"
	  "not. For addresses that were refused as unknown it prints the lines that admit\n"
	  "them. Fifty lines unless --limit says otherwise; --all prints all.\n",
	  ONLINE | OPTION_PAGE, 0, 0, cmd_device_list },
	{ "device transcript", "DEVICE", "prints its last failed sessions",
	  "DEVICE is a device's name, or an address. The last failed sessions, oldest\n"
	  "first: commands and replies with the seconds since the session's start.\n"
	  "Passwords are never in it. log.transcript says which sessions are kept,\n"
	  "limits.transcripts how many of each address.\n",
	  ONLINE, 1, 1, cmd_device_transcript },
	{ "device release", "NAME", "sends what was held above its rate",
	  "What a device sends above its hold_above is accepted and kept. This sends it on,\n"
	  "and the count for its rate begins anew. What comes above the rate afterwards is\n"
	  "held again.\n",
	  ONLINE, 1, 1, cmd_release },
	{ "explain", "[CODE|TEXT]", "says what an error code means and what to do",
	  "For AADSTS numbers (AADSTS7000222 or 7000222), the words in `error`\n"
	  "(invalid_client), http-429, replies of mail servers (535 5.7.139 ...), or a\n"
	  "text or line of the log with one of them in it; without a text, one at stdin.\n"
	  "Says what it means, what the relay does, who can mend it and how, with the\n"
	  "names of the only account or of --account. Contacts nothing. Exits 1 where\n"
	  "nothing is known.\n",
	  OPTION_CONFIG | OPTION_JSON | OPTION_ACCOUNT, 0, ANY_WORDS, cmd_explain },
	{ "login", "ACCOUNT", "signs in for an account",
	  "For accounts with grant = \"delegated\". Prints an address and a code that are\n"
	  "entered in any browser, and waits until somebody has signed in there. --browser\n"
	  "is for tenants whose policies forbid such codes and for applications with a\n"
	  "secret: it prints an address for a browser, which comes back to this machine, or\n"
	  "whose last address is pasted here. The relay keeps the sign-in sealed and renews\n"
	  "it by itself; it need not be running. --json prints one object for each step.\n",
	  ONLINE | OPTION_BROWSER, 1, 1, cmd_login },
	{ "queue list", "", "prints the messages that wait",
	  "One line for each recipient, oldest message first, fifty messages unless\n"
	  "--limit says otherwise. --all prints the whole queue.\n",
	  ONLINE | OPTION_PAGE, 0, 0, cmd_queue_list },
	{ "queue show", "ID", "prints all about one message",
	  "ID is what `queue list` prints: the first digits of the message's id, four at\n"
	  "least.\n",
	  ONLINE, 1, 1, cmd_queue_show },
	{ "status", "", "what is wrong, then how things are",
	  "Tells first what keeps mail from being sent and what to do about it; then\n"
	  "accounts, queue, listeners. Exits 1 when the relay is not running.\n",
	  ONLINE, 0, 0, cmd_status },
	{ "tls export", "", "prints the certificate that devices see",
	  "For a device that shall trust the relay: import what this prints. As PEM, or\n"
	  "with --der in the binary form that some printers want. On a terminal and with\n"
	  "--json also whose it is, for which names, until when, and its fingerprint.\n",
	  OPTION_CONFIG | OPTION_JSON | OPTION_DER, 0, 0, cmd_tls_export },
	{ "user add", "NAME", "lets somebody log in",
	  "Adds a line to users_file; it makes no difference whether the relay is running.\n"
	  "The password is asked for twice, or read as one line from stdin where that is no\n"
	  "terminal. What the options do not say is up to the device: --account A sends the\n"
	  "user's mail, --senders a@b.c,b.c,*.b.c are those it may use, --recipients those\n"
	  "it may send to, --networks 10.0.0.0/8,192.168.1.5 is where it may log in from.\n",
	  OPTION_CONFIG | OPTION_USER | OPTION_ACCOUNT, 1, PASSWORD_TOO, cmd_user_add },
	{ "user passwd", "NAME", "changes a user's password",
	  "Asks for it as `user add` does. The rest of the user's line stays as it is.\n",
	  OPTION_CONFIG, 1, PASSWORD_TOO, cmd_user_passwd },
	{ "user remove", "NAME", "takes a user's login away",
	  "Mail of the user's that waits is sent; sessions that are open send no more.\n",
	  OPTION_CONFIG, 1, 1, cmd_user_remove },
	{ "user list", "", "prints who may log in",
	  "Names, and what is said about each; no hashes.\n", OPTION_CONFIG | OPTION_JSON, 0, 0,
	  cmd_user_list },
	{ "version", "", "prints the program's and its libraries' versions", "", OPTION_JSON, 0, 0,
	  cmd_version },
	{ "help", "[COMMAND]", "explains the commands", "", 0, 0, 2, cmd_help },
};
const size_t command_count = ARRAY_LEN(commands);

static const struct option_help {
	unsigned bit;
	const char *text;
} option_helps[] = {
	{ OPTION_CONFIG,
	  "  -c, --config FILE   the configuration (default: $OAUTHRELAY_CONFIG, then\n"
	  "                      " CLI_DEFAULT_CONFIG ")\n" },
	{ OPTION_SOCKET,
	  "  --socket PATH       the control socket (default: as the configuration says)\n" },
	{ OPTION_JSON, "  --json              prints JSON\n" },
	{ OPTION_PAGE, "  --limit N, --offset N, --all\n"
		       "                      which part of a long list\n" },
	{ OPTION_DER, "  --der               prints the binary form\n" },
	{ OPTION_BROWSER, "  --browser           signs in with a browser instead of a code\n" },
	{ OPTION_SECRET, "  --expires DAY       the day on which the secret ends: 2027-05-01\n"
			 "  --forget            takes away what commands have added\n" },
	{ OPTION_CERTIFICATE, "  --new               makes another certificate\n"
			      "  --out FILE          where the certificate is written\n" },
	{ OPTION_ACCOUNT, "  --account NAME      the account that is meant\n" },
	{ OPTION_USER, "  --senders LIST, --recipients LIST, --networks LIST\n"
		       "                      what the user's line says besides the password\n" },
};

/* ---- help */

static void append_overview(struct strbuf *out)
{
	strbuf_adds(out, "oauthrelay takes mail from devices and sends it on through "
			 "Microsoft 365.\n\nUsage: oauthrelay COMMAND\n\n");
	for (size_t i = 0; i < command_count; i++) {
		const struct command *c = &commands[i];
		int pad = 28 - (int)(strlen(c->name) + strlen(c->arguments));
		strbuf_addf(out, "  %s %s%*s%s\n", c->name, c->arguments, pad > 1 ? pad : 1, "",
			    c->help);
	}
	strbuf_adds(out, "\nOptions, each where it makes sense:\n");
	for (size_t i = 0; i < ARRAY_LEN(option_helps); i++)
		strbuf_adds(out, option_helps[i].text);
	strbuf_adds(out, "\n`oauthrelay help COMMAND` tells more.\n"
			 "Exit status: 0 success, 1 failure, 2 wrong usage.\n");
}

static void append_command(struct strbuf *out, const struct command *c)
{
	strbuf_addf(out, "oauthrelay %s%s%s: %s\n", c->name, c->arguments[0] != '\0' ? " " : "",
		    c->arguments, c->help);
	if (c->more[0] != '\0')
		strbuf_addf(out, "\n%s", c->more);
	strbuf_adds(out, c->options != 0 ? "\n" : "");
	for (size_t i = 0; i < ARRAY_LEN(option_helps); i++)
		if (c->options & option_helps[i].bit)
			strbuf_adds(out, option_helps[i].text);
}

/* ---- names */

static struct str first_word(const char *name)
{
	struct str rest = str_of(name);
	return str_word(&rest);
}

/* How many of the words are the command's name; 0: none of them. */
static size_t match(const struct command *c, const char *const *words, size_t count)
{
	struct str rest = str_of(c->name);
	size_t n = 0;
	while (true) {
		struct str word = str_word(&rest);
		if (word.n == 0)
			return n;
		if (n == count || !str_eq(word, str_of(words[n])))
			return 0;
		n++;
	}
}

static const struct command *find(const char *const *words, size_t count, size_t *used)
{
	for (size_t i = 0; i < command_count; i++) {
		*used = match(&commands[i], words, count);
		if (*used != 0)
			return &commands[i];
	}
	return NULL;
}

/* Prints all commands that begin with this word; false when there is none. */
static bool append_family(struct strbuf *out, const char *word)
{
	bool any = false;
	for (size_t i = 0; i < command_count; i++) {
		const struct command *c = &commands[i];
		if (!str_eq(first_word(c->name), str_of(word)))
			continue;
		strbuf_addf(out, "  oauthrelay %s%s%s\n      %s\n", c->name,
			    c->arguments[0] != '\0' ? " " : "", c->arguments, c->help);
		any = true;
	}
	return any;
}

static int unknown(struct cli *cli, const char *const *words, size_t count)
{
	struct strbuf typed;
	struct strbuf family;
	struct nearest near;
	strbuf_init(&typed, 256);
	strbuf_init(&family, 4096);
	bool known = append_family(&family, words[0]);
	for (size_t i = 0; i < count && i < 2; i++)
		strbuf_addf(&typed, "%s%s", i != 0 ? " " : "", words[i]);
	/* One word is compared with the first words, two with whole names: "stats", "queue ls".
	 */
	nearest_begin(&near, known ? strbuf_str(&typed) : str_of(words[0]));
	for (size_t i = 0; i < command_count; i++) {
		const char *name = commands[i].name;
		if (known || str_chr(str_of(name), ' ') < 0)
			nearest_offer(&near, name);
	}
	if (!known && near.best == NULL) {
		nearest_begin(&near, strbuf_str(&typed));
		for (size_t i = 0; i < command_count; i++)
			nearest_offer(&near, commands[i].name);
	}
	if (known && count == 1) {
		strbuf_addf(&cli->err, "oauthrelay: %s needs one more word:\n%s", words[0],
			    strbuf_cstr(&family));
	} else {
		strbuf_adds(&cli->err, "oauthrelay: there is no command ");
		quote_append(&cli->err, strbuf_str(&typed), 64);
		if (near.best != NULL)
			strbuf_addf(&cli->err, "; did you mean \"%s\"?\n", near.best);
		else
			strbuf_adds(&cli->err, "; `oauthrelay help` lists all\n");
	}
	strbuf_done(&typed);
	strbuf_done(&family);
	return CLI_USAGE;
}

static int help_for(struct cli *cli, const char *const *words, size_t count)
{
	size_t used;
	const struct command *c = count != 0 ? find(words, count, &used) : NULL;
	if (count == 0)
		append_overview(&cli->out);
	else if (c != NULL)
		append_command(&cli->out, c);
	else if (count != 1 || !append_family(&cli->out, words[0]))
		return unknown(cli, words, count);
	return CLI_OK;
}

int cmd_help(struct cli *cli)
{
	return help_for(cli, cli->words, cli->word_count);
}

/* ---- from argv to the handler */

static int usage(struct cli *cli, const struct command *c, const char *why)
{
	strbuf_addf(&cli->err, "oauthrelay: %s: usage: oauthrelay %s%s%s\n", why, c->name,
		    c->arguments[0] != '\0' ? " " : "", c->arguments);
	return CLI_USAGE;
}

static int run(struct cli *cli, const struct command *c, size_t used)
{
	for (size_t i = used; i < cli->word_count; i++)
		cli->words[i - used] = cli->words[i];
	cli->word_count -= used;
	if (cli->word_count < c->min_arguments)
		return usage(cli, c, "something is missing");
	if (cli->word_count > c->max_arguments)
		return usage(cli, c, "that is too much");
	/* Settings of where things are do no harm where they are not needed. */
	unsigned harmless = OPTION_CONFIG | OPTION_SOCKET;
	if (cli->used & ~(c->options | harmless))
		return usage(cli, c, "this command does not take that option");
	return c->run(cli);
}

int command_main(struct cli *cli, int argc, const char *const *argv)
{
	struct err err;
	size_t used;
	if (!cli_parse(cli, argc, argv, &err)) {
		cli_fail(cli, &err);
		return CLI_USAGE;
	}
	if (cli->help)
		return help_for(cli, cli->words, cli->word_count);
	if (cli->word_count == 0) {
		append_overview(&cli->err);
		return CLI_USAGE;
	}
	const struct command *c = find(cli->words, cli->word_count, &used);
	return c != NULL ? run(cli, c, used) : unknown(cli, cli->words, cli->word_count);
}
