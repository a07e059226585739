/* SPDX-License-Identifier: MIT */
#include "oauth/advice.h"

#include "config/config.h"

#define APP	   "Entra admin center > App registrations > All applications > {client_id}"
#define ENTERPRISE "Entra admin center > Enterprise applications > {client_id}"
#define NEW_SECRET APP " > Certificates & secrets > New client secret"
#define SIGN_INS   "Entra admin center > Monitoring & health > Sign-in logs"
#define POLICIES   "Entra admin center > Protection > Conditional Access > Policies"
#define RELOAD	   "then `oauthrelay config check` and `systemctl reload oauthrelay`"
#define REPORT	   "please report this as a fault of the relay, with the Trace ID"

#define RELAY_ADMIN "whoever looks after this relay"
#define APP_ADMIN \
	"an administrator of the tenant (Application Administrator), or an owner of the application"
#define TENANT	   "an administrator of the tenant"
#define CONSENTER  "an administrator of the tenant (Cloud Application Administrator)"
#define POLICY	   "an administrator of the tenant (Conditional Access Administrator)"
#define USER_ADMIN "an administrator of the tenant (User Administrator)"
#define OWNER	   "whoever can sign in as the mailbox"
#define NETWORK	   "whoever looks after this machine's network"

/* clang-format off */
static const struct row {
	const char *fixer;
	const char *remedy;
	/* Where the account's grant asks for something else; NULL: it does not. */
	const char *delegated;
	const char *managed;
	const char *federated;
} rows[ADVICE_COUNT] = {
	[ADVICE_NONE] = { "nobody: it passes by itself, and the relay tries again", "", NULL, NULL, NULL },

	/* The credential */
	[ADVICE_SECRET_WRONG] = { APP_ADMIN,
		"application {client_id} does not know the client secret of account {account}: make a new one (" NEW_SECRET
		"), copy its Value, not its Secret ID, and give it to `oauthrelay account secret {account}`",
		NULL, NULL, NULL },
	[ADVICE_SECRET_ENDED] = { APP_ADMIN,
		"the client secret of application {client_id} has ended: make a new one (" NEW_SECRET
		"), copy its Value, and give it to `oauthrelay account secret {account}`, which puts it to use at once",
		NULL, NULL, NULL },
	[ADVICE_CERTIFICATE] = { APP_ADMIN,
		"application {client_id} in tenant {tenant} does not have the certificate that account {account} shows: upload it ("
		APP " > Certificates & secrets > Certificates > Upload certificate) and compare the thumbprints; "
		"`oauthrelay account certificate {account}` makes a new one and prints the file to upload",
		NULL, NULL, NULL },
	[ADVICE_ASSERTION_TIME] = { RELAY_ADMIN,
		"what account {account} signs is not valid yet or not any more, because this machine's clock is wrong: "
		"`timedatectl` shows it, `timedatectl set-ntp true` sets it right",
		NULL, NULL,
		"the token in assertion_file of account {account} is not valid yet or not any more: see that what writes the "
		"file goes on renewing it, and that this machine's clock is right (`timedatectl`)" },
	[ADVICE_ASSERTION] = { RELAY_ADMIN,
		"Microsoft does not take what account {account} has signed: compare tenant ({tenant}) and client_id ({client_id}) "
		"with the application's page, and set this machine's clock right (`timedatectl`); if both are right, " REPORT,
		NULL, NULL,
		"Microsoft does not take the token in assertion_file of account {account}: compare issuer, subject and audience "
		"with " APP " > Certificates & secrets > Federated credentials, and set this machine's clock right (`timedatectl`)" },
	[ADVICE_FEDERATION] = { APP_ADMIN,
		"no federated credential of application {client_id} fits the token that account {account} shows: compare issuer, "
		"subject and audience, to the letter, with " APP " > Certificates & secrets > Federated credentials",
		NULL, NULL, NULL },
	[ADVICE_PUBLIC_CLIENT] = { APP_ADMIN,
		"application {client_id} is registered as a public client and may show no credential: " APP
		" > Authentication > Allow public client flows > No, and no platform \"Mobile and desktop applications\"",
		"application {client_id} is registered as a public client and may show no credential: take client_secret and "
		"credentials out of account {account}, " RELOAD "; or register the platform \"Web\" (" APP " > Authentication)",
		NULL, NULL },
	[ADVICE_NO_CREDENTIAL] = { APP_ADMIN,
		"application {client_id} must prove who it is, and account {account} shows nothing: make a client secret ("
		NEW_SECRET ") and give its Value to `oauthrelay account secret {account}`; or `oauthrelay account certificate {account}`",
		"application {client_id} is not registered as a public client: " APP " > Authentication > Allow public client "
		"flows > Yes; or make a client secret (" NEW_SECRET ") and give its Value to `oauthrelay account secret {account}`",
		NULL, NULL },
	[ADVICE_CLIENT] = { APP_ADMIN,
		"the endpoint does not take application {client_id} or what it shows: compare client_id of account {account} with "
		"the application's page; if it is right, make a new client secret there and give it to `oauthrelay account secret {account}`",
		NULL, NULL, NULL },

	/* Application and tenant */
	[ADVICE_NO_APPLICATION] = { RELAY_ADMIN,
		"there is no application {client_id} in tenant {tenant}: set client_id and tenant of account {account} to "
		"\"Application (client) ID\" and \"Directory (tenant) ID\" of the application's page (Entra admin center > App "
		"registrations > All applications), " RELOAD,
		NULL, NULL, NULL },
	[ADVICE_APPLICATION_OFF] = { APP_ADMIN,
		"application {client_id} is switched off or gone in tenant {tenant}: " ENTERPRISE
		" > Properties > Enabled for users to sign-in > Yes",
		NULL, NULL, NULL },
	[ADVICE_NO_TENANT] = { RELAY_ADMIN,
		"there is no tenant {tenant}: set tenant of account {account} to the \"Directory (tenant) ID\" (Entra admin center > "
		"Overview) or to the organization's .onmicrosoft.com domain, " RELOAD,
		NULL, NULL, NULL },
	[ADVICE_REAL_TENANT] = { RELAY_ADMIN,
		"account {account} must name its own tenant; {tenant} will not do: set tenant to the \"Directory (tenant) ID\" (Entra "
		"admin center > Overview), " RELOAD,
		NULL, NULL, NULL },
	[ADVICE_WRONG_CLOUD] = { RELAY_ADMIN,
		"tenant {tenant} or application {client_id} lives in another Microsoft cloud (US government, China): give account "
		"{account} the provider of that cloud (`oauthrelay config keys provider`) or its authority, " RELOAD,
		NULL, NULL, NULL },
	[ADVICE_RESTRICTED] = { NETWORK,
		"tenant restrictions of this network forbid tenant {tenant}: have the proxy or firewall admit it, or set `proxy` of "
		"account {account} so that it goes another way",
		NULL, NULL, NULL },
	[ADVICE_IDENTITY] = { TENANT,
		"this machine has no managed identity of that name: switch one on (Azure portal > the machine > Security > Identity > "
		"System assigned > On), or set client_id of account {account} to that of a user-assigned one that the machine has",
		NULL, NULL, NULL },

	/* The request */
	[ADVICE_MALFORMED] = { RELAY_ADMIN,
		"a field of the request is missing or malformed: check tenant ({tenant}), client_id ({client_id}) and scope of account "
		"{account}; if they are right, " REPORT,
		NULL, NULL, NULL },
	[ADVICE_UNKNOWN] = { RELAY_ADMIN,
		"check tenant ({tenant}), client_id ({client_id}), grant, scope and credentials of account {account}",
		NULL, NULL, NULL },
	[ADVICE_SCOPE] = { RELAY_ADMIN,
		"the scope of account {account} is not one that can be asked for: take `scope` out of the account, so that its "
		"provider's own is used, " RELOAD,
		NULL, NULL, NULL },
	[ADVICE_SCOPE_DEFAULT] = { RELAY_ADMIN,
		"with client credentials the scope must end in /.default: take `scope` out of account {account}, so that its "
		"provider's own is used, " RELOAD,
		NULL, NULL, NULL },
	[ADVICE_GRANT] = { APP_ADMIN,
		"application {client_id} may not use this kind of grant: compare `grant` of account {account} with the platforms "
		"under " APP " > Authentication",
		"application {client_id} may not sign in this way: " APP " > Authentication > Add a platform > Mobile and desktop "
		"applications, and Allow public client flows > Yes; then `oauthrelay login {account}`",
		NULL, NULL },
	[ADVICE_MAY_NOT] = { APP_ADMIN,
		"application {client_id} may not do what account {account} asks for: compare client_id, grant and scope of the account "
		"with the application's page and with the permissions there",
		NULL, NULL, NULL },
	[ADVICE_RESOURCE] = { TENANT,
		"tenant {tenant} does not have what the scope of account {account} names: take `scope` out of the account, and see "
		"that the tenant has Exchange Online (Microsoft 365 admin center > Billing > Licenses)",
		NULL, NULL, NULL },
	[ADVICE_REDIRECT] = { APP_ADMIN,
		"the address that the sign-in of account {account} returns to is not registered: " APP " > Authentication > Add a "
		"platform > Mobile and desktop applications > http://localhost (with platform \"Web\": its redirect_uri, to the letter)",
		NULL, NULL, NULL },
	[ADVICE_SINGLE_PAGE] = { APP_ADMIN,
		"application {client_id} is registered as a single-page application, whose sign-ins end after a day: " APP
		" > Authentication > Add a platform > Mobile and desktop applications, and remove \"Single-page application\"; then "
		"`oauthrelay login {account}`",
		NULL, NULL, NULL },
	[ADVICE_VERIFIER] = { OWNER,
		"the proof that goes with the sign-in does not fit: begin it again with `oauthrelay login {account}`; if that does not "
		"help, " REPORT,
		NULL, NULL, NULL },
	[ADVICE_ENDPOINT] = { RELAY_ADMIN,
		"what answers is not the token endpoint that account {account} means: check authority and token_endpoint, " RELOAD,
		NULL, NULL, NULL },

	/* Permissions */
	[ADVICE_CONSENT] = { CONSENTER,
		"nobody has granted application {client_id} its permission in tenant {tenant}: " APP " > API permissions > Add a "
		"permission > APIs my organization uses > Office 365 Exchange Online > Application permissions > {permission}; then "
		"Grant admin consent",
		"nobody has granted application {client_id} its permission in tenant {tenant}: " APP " > API permissions > Add a "
		"permission > {permission_api} > Delegated permissions > {permission}; then Grant admin consent, and `oauthrelay login "
		"{account}` as {mailbox}",
		"the managed identity of account {account} lacks the application role {permission} of Office 365 Exchange Online: "
		"Graph PowerShell, New-MgServicePrincipalAppRoleAssignment for the identity's object id",
		NULL },
	[ADVICE_PERMISSIONS] = { CONSENTER,
		"the permissions of application {client_id} in tenant {tenant} are not complete: " APP " > API permissions > Office "
		"365 Exchange Online > Application permissions > {permission}, then Grant admin consent; and see that the tenant has "
		"an Exchange Online licence (Microsoft 365 admin center > Billing > Licenses)",
		"the permissions of application {client_id} in tenant {tenant} are not complete: " APP " > API permissions > "
		"{permission_api} > Delegated permissions > {permission}, then Grant admin consent, and `oauthrelay login {account}` as {mailbox}",
		NULL, NULL },
	[ADVICE_DECLINED] = { OWNER,
		"whoever signed in has declined: `oauthrelay login {account}` as {mailbox} and accept, or have an administrator do it ("
		APP " > API permissions > Grant admin consent)",
		NULL, NULL, NULL },
	[ADVICE_ASSIGN] = { APP_ADMIN,
		"{mailbox} may not use application {client_id}: " ENTERPRISE " > Users and groups > Add user/group > {mailbox}; or "
		"Properties > Assignment required > No",
		NULL, NULL, NULL },

	/* The user and the sign-in */
	[ADVICE_FIRST_SIGN_IN] = { OWNER,
		"sign in: `oauthrelay login {account}` as {mailbox}", NULL, NULL, NULL },
	[ADVICE_SIGN_IN] = { OWNER,
		"sign in again: `oauthrelay login {account}` as {mailbox}", NULL, NULL, NULL },
	[ADVICE_SEALED_ELSEWHERE] = { RELAY_ADMIN,
		"sign in again: `oauthrelay login {account}` as {mailbox}; or bring the key that sealed it, then `systemctl restart "
		"oauthrelay`",
		NULL, NULL, NULL },
	[ADVICE_SEAL_KEY] = { RELAY_ADMIN,
		"do what is said about the sealing key, then `systemctl restart oauthrelay` (a reload does not do); without it no "
		"sign-in outlives a restart",
		NULL, NULL, NULL },
	[ADVICE_SIGN_IN_UNUSED] = { OWNER,
		"the sign-in of account {account} has ended because it was not used: `oauthrelay login {account}` as {mailbox}",
		NULL, NULL, NULL },
	[ADVICE_SIGN_IN_REVOKED] = { OWNER,
		"the sign-in was revoked, by a new password for instance: `oauthrelay login {account}` as {mailbox}",
		NULL, NULL, NULL },
	[ADVICE_SIGN_IN_FREQUENCY] = { OWNER,
		"a Conditional Access policy ends sign-ins after a while: `oauthrelay login {account}` as {mailbox}; so that it does not "
		"happen again: " POLICIES " > the one with a sign-in frequency > exclude {mailbox}",
		NULL, NULL, NULL },
	[ADVICE_SIGN_IN_RESTART] = { OWNER,
		"that sign-in is over or was used already: begin it again with `oauthrelay login {account}`", NULL, NULL, NULL },
	[ADVICE_NO_USER] = { RELAY_ADMIN,
		"tenant {tenant} does not know the user {mailbox}: check mailbox and tenant of account {account} (Microsoft 365 admin "
		"center > Users > Active users), " RELOAD,
		NULL, NULL, NULL },
	[ADVICE_PASSWORD_WRONG] = { OWNER,
		"the user name or password of {mailbox} is wrong: `oauthrelay login {account}`", NULL, NULL, NULL },
	[ADVICE_PASSWORD_ENDED] = { OWNER,
		"the password of {mailbox} has ended: sign in as {mailbox} at https://www.office.com and change it, then `oauthrelay "
		"login {account}`",
		NULL, NULL, NULL },
	[ADVICE_LOCKED] = { USER_ADMIN,
		"{mailbox} is locked after too many failed sign-ins, or they came from an address that Microsoft takes for malicious: "
		"wait (the relay waits half an hour), see who they are (" SIGN_INS " > {mailbox}), then `oauthrelay login {account}`",
		NULL, NULL, NULL },
	[ADVICE_USER_OFF] = { USER_ADMIN,
		"the user {mailbox} is switched off: Microsoft 365 admin center > Users > Active users > {mailbox} > Unblock sign-in",
		NULL, NULL, NULL },

	/* Policies */
	[ADVICE_SECOND_FACTOR] = { POLICY,
		"Microsoft asks for a second factor, which a relay cannot give: `oauthrelay login {account}` as {mailbox}; if that does "
		"not last, exclude {mailbox} from the policy (" POLICIES "), or use grant = \"client_credentials\"",
		NULL, NULL, NULL },
	[ADVICE_DEVICE_POLICY] = { POLICY,
		"a Conditional Access policy asks for a managed or compliant device, which a relay is not: " SIGN_INS
		" > Service principal sign-ins > {client_id} > Conditional Access names it; exclude application {client_id} from it",
		"a Conditional Access policy asks for a managed or compliant device, which a relay is not: " SIGN_INS
		" > {mailbox} > Conditional Access names it; exclude {mailbox} or application {client_id} from it (" POLICIES ")",
		NULL, NULL },
	[ADVICE_ACCESS_POLICY] = { POLICY,
		"a Conditional Access policy forbids this: " SIGN_INS " > Service principal sign-ins > {client_id} > Conditional Access "
		"names it; exclude application {client_id} from it, or make this network's public address a named location",
		"a Conditional Access policy forbids this: " SIGN_INS " > {mailbox} > Conditional Access names it; exclude {mailbox} or "
		"application {client_id}, or make this network's public address a named location; then `oauthrelay login {account}`",
		NULL, NULL },
	[ADVICE_RISK] = { POLICY,
		"Microsoft takes this for a risk: Entra admin center > Protection > Identity Protection > Risky workload identities > "
		"{client_id}; dismiss it, or make this network's public address a named location",
		"Microsoft takes this sign-in for a risk: Entra admin center > Protection > Identity Protection > Risky users > "
		"{mailbox}; dismiss it, or make this network's public address a named location; then `oauthrelay login {account}`",
		NULL, NULL },
	[ADVICE_SECURITY_DEFAULTS] = { POLICY,
		"the security defaults of tenant {tenant} forbid this sign-in: use grant = \"client_credentials\" for account {account}, "
		"or replace them by Conditional Access (Entra admin center > Overview > Properties > Manage security defaults)",
		NULL, NULL, NULL },
	[ADVICE_DEVICE_CODE_POLICY] = { POLICY,
		"a Conditional Access policy forbids sign-ins by device code: `oauthrelay login {account} --browser`; or exclude "
		"{mailbox} from the policy (" POLICIES " > Conditions > Authentication flows)",
		NULL, NULL, NULL },

	/* The way there */
	[ADVICE_NAME_SERVER] = { NETWORK, "see that this machine's name servers work", NULL, NULL, NULL },
	[ADVICE_FIREWALL] = { NETWORK,
		"see that the firewall lets this machine out to TCP port 443, or set `proxy` of account {account}", NULL, NULL,
		NULL },
	[ADVICE_PROXY] = { NETWORK,
		"check `proxy` of account {account}, or of the whole relay (address, user, password), and that the proxy runs and lets "
		"this machine through to port 443",
		NULL, NULL, NULL },
	[ADVICE_TLS] = { NETWORK, "the text names the cause; nothing was sent", NULL, NULL, NULL },
	[ADVICE_OTHER_SPEAKER] = { NETWORK,
		"something between this machine and the token endpoint seems to answer in its place: a proxy, or the login page of a "
		"network",
		NULL, NULL, NULL },
};
/* clang-format on */

static const char *special(const struct row *row, const struct account_config *account)
{
	switch (account->grant) {
	case GRANT_CLIENT_CREDENTIALS:
		break;
	case GRANT_DELEGATED:
		return row->delegated;
	case GRANT_MANAGED_IDENTITY:
		return row->managed;
	case GRANT_FEDERATED:
		return row->federated;
	}
	return NULL;
}

const char *advice_remedy(enum advice advice, const struct account_config *account)
{
	const struct row *row = &rows[advice];
	const char *text = account != NULL ? special(row, account) : NULL;
	return text != NULL ? text : row->remedy;
}

const char *advice_fixer(enum advice advice)
{
	return rows[advice].fixer;
}
