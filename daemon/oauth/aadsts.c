/* SPDX-License-Identifier: MIT */
#include "oauth/aadsts.h"

#include "common/attr.h"

enum {
	LOCKED_MS = 30 * 60 * 1000, /* smart lockout grows with every try */
	LOOP_MS = 5 * 60 * 1000,    /* "client loop detected" */
};

/* clang-format off */

static const char secret_wrong[] =
	"make a new client secret for application {client_id} (Entra admin center > App "
	"registrations > Certificates & secrets) and put its Value, not its Secret ID, where "
	"client_secret of account {account} points; then reload the relay";

static const char secret_expired[] =
	"the client secret of application {client_id} has ended: make a new one (Entra admin "
	"center > App registrations > Certificates & secrets), put its Value where "
	"client_secret of account {account} points, then reload the relay";

static const char no_application[] =
	"there is no application {client_id} in tenant {tenant}: compare client_id with "
	"\"Application (client) ID\" on the app's overview page, and tenant with \"Directory "
	"(tenant) ID\" there";

static const char application_off[] =
	"application {client_id} is switched off or gone in tenant {tenant}: Entra admin center "
	"> Enterprise applications > Properties > Enabled for users to sign in";

static const char no_tenant[] =
	"there is no tenant {tenant}: set tenant of account {account} to the \"Directory "
	"(tenant) ID\" of the app's overview page, or to the organization's .onmicrosoft.com "
	"domain";

static const char wrong_cloud[] =
	"tenant {tenant} lives in another Microsoft cloud (US government, China): use the "
	"provider of that cloud for account {account}, or set its authority";

static const char certificate[] =
	"upload the certificate to application {client_id} (Entra admin center > App "
	"registrations > Certificates & secrets) and compare its thumbprint with that of "
	"account {account}";

static const char assertion_time[] =
	"the request's time is out of range: set this machine's clock right (timedatectl), and "
	"check that NTP is on";

static const char assertion[] =
	"Microsoft does not accept the signed assertion: set this machine's clock right "
	"(timedatectl); if that is not it, please report this as a fault of the relay, with the "
	"trace id";

static const char malformed[] =
	"Microsoft finds a field of the request missing or malformed: check tenant, client_id "
	"and scope of account {account}; if they are right, please report this as a fault of "
	"the relay, with the trace id";

static const char federation[] =
	"no federated credential of application {client_id} fits: compare issuer, subject and "
	"audience there with those of the token that account {account} presents";

static const char public_client[] =
	"application {client_id} is a public client and may not use a secret: register its "
	"platform as \"Web\", or take client_secret away from account {account}";

static const char no_secret[] =
	"application {client_id} needs a secret or certificate: give account {account} a "
	"client_secret";

static const char scope[] =
	"the scope of account {account} is not one that Microsoft knows: leave scope out, so "
	"that the provider's own is used";

static const char scope_default[] =
	"with client credentials the scope must end in /.default: leave scope out of account "
	"{account}, so that the provider's own is used";

static const char grant[] =
	"application {client_id} may not use this kind of grant: check the platforms under App "
	"registrations > Authentication";

static const char resource[] =
	"tenant {tenant} does not have the resource that the scope of account {account} names: "
	"leave scope out, and check that the tenant has Exchange Online";

static const char no_consent[] =
	"nobody has consented yet: Entra admin center > App registrations > {client_id} > API "
	"permissions > Office 365 Exchange Online > application permission SMTP.SendAsApp > "
	"Grant admin consent";

static const char declined[] =
	"the consent was declined: sign in again for account {account} and accept, or have an "
	"administrator grant consent";

static const char permissions[] =
	"the permissions of application {client_id} are not complete: under API permissions add "
	"Office 365 Exchange Online > SMTP.SendAsApp and grant admin consent; the tenant needs "
	"an Exchange Online licence";

static const char real_tenant[] =
	"account {account} must name its own tenant, not \"common\", \"organizations\" or "
	"\"consumers\": set tenant to the \"Directory (tenant) ID\" of the app's overview page";

static const char redirect[] =
	"the redirect URI is not registered: add it to application {client_id} under App "
	"registrations > Authentication";

static const char not_assigned[] =
	"{mailbox} may not use application {client_id}: Enterprise applications > Users and "
	"groups, or switch \"Assignment required\" off";

static const char no_user[] =
	"tenant {tenant} does not know user {mailbox}: check mailbox and tenant of account "
	"{account}";

static const char bad_password[] =
	"the user name or password of {mailbox} is wrong: sign in again for account {account}";

static const char locked[] =
	"{mailbox} is locked after too many failed sign-ins, or they came from a suspicious "
	"address: wait, or unlock it in the Entra admin center";

static const char password_ended[] =
	"the password of {mailbox} has ended: change it, then sign in again for account "
	"{account}";

static const char user_off[] =
	"user {mailbox} is switched off: Microsoft 365 admin center > Users > {mailbox} > allow "
	"sign-in";

static const char sign_in[] =
	"sign in again for account {account}";

static const char mfa[] =
	"a second factor is asked for, which a relay cannot give: sign in again for account "
	"{account}, or use application permissions (client credentials), or exclude {mailbox} "
	"from that Conditional Access policy";

static const char device_policy[] =
	"a Conditional Access policy asks for a managed or compliant device: exclude {mailbox} "
	"or application {client_id} from it; the policy's name is in Entra admin center > Sign- "
	"in logs > Conditional Access";

static const char access_policy[] =
	"a Conditional Access policy forbids this: Entra admin center > Sign-in logs > "
	"Conditional Access names it; exclude {mailbox} or application {client_id}, or make "
	"this network a named location, or use application permissions";

static const char risk[] =
	"Microsoft takes this sign-in for a risk: Entra admin center > Protection > Risky users "
	"and Risky sign-ins; dismiss the risk, or make this network a named location";

static const char security_defaults[] =
	"the tenant's security defaults forbid this sign-in: use application permissions "
	"(client credentials) for account {account}, or replace security defaults by "
	"Conditional Access";

static const char device_code_policy[] =
	"a Conditional Access policy forbids device code sign-in: sign in with the browser for "
	"account {account}, or exclude {mailbox} from the policy";

static const char revoked[] =
	"the sign-in was revoked, by a new password for instance: sign in again for account "
	"{account}";

static const char unused[] =
	"the sign-in of account {account} has ended because it was not used: sign in again";

static const char single_page[] =
	"application {client_id} is registered as a single-page application, whose sign-ins end "
	"after a day: register it as \"Mobile and desktop applications\" or \"Web\", then sign "
	"in again for account {account}";

static const char frequency[] =
	"a Conditional Access policy ends sign-ins after a while: sign in again for account "
	"{account}, and exclude {mailbox} from the policy's sign-in frequency";

static const char restart[] =
	"that sign-in is over or was used already: begin it again for account {account}";

static const char verifier[] =
	"the sign-in's proof does not fit: begin it again for account {account}; if that does "
	"not help, please report this as a fault of the relay, with the trace id";

static const char restricted[] =
	"tenant restrictions of this network forbid tenant {tenant}: ask whoever runs the proxy "
	"or firewall to admit it";

/*
 * Code, how to take it, when to try again at the earliest, what to do.
 *
 * "Report it" cases (a request that the relay built wrongly) are CONFIG as well: they do not come
 * right by themselves, and a wrong tenant or scope is the likelier cause.
 */
static const struct aadsts_row rows[] = {
	{ 28002, TOKEN_FAIL_CONFIG, 0, scope },
	{ 28003, TOKEN_FAIL_CONFIG, 0, scope },
	{ 40010, TOKEN_FAIL_TRANSIENT, 0, "" },
	{ 50001, TOKEN_FAIL_CONFIG, 0, resource },
	{ 50002, TOKEN_FAIL_CONFIG, 0, restricted },
	{ 50005, TOKEN_FAIL_CONFIG, 0, access_policy },
	{ 50011, TOKEN_FAIL_CONFIG, 0, redirect },
	{ 50012, TOKEN_FAIL_CONFIG, 0, certificate },
	{ 50013, TOKEN_FAIL_CONFIG, 0, assertion },
	{ 50020, TOKEN_FAIL_CONFIG, 0, no_user },
	{ 50027, TOKEN_FAIL_CONFIG, 0, assertion },
	{ 50033, TOKEN_FAIL_TRANSIENT, 0, "" },
	{ 50034, TOKEN_FAIL_CONFIG, 0, no_user },
	{ 50048, TOKEN_FAIL_CONFIG, 0, assertion },
	{ 50049, TOKEN_FAIL_CONFIG, 0, wrong_cloud },
	{ 50053, TOKEN_FAIL_LOGIN, LOCKED_MS, locked },
	{ 50055, TOKEN_FAIL_LOGIN, 0, password_ended },
	{ 50056, TOKEN_FAIL_LOGIN, 0, sign_in },
	{ 50057, TOKEN_FAIL_CONFIG, 0, user_off },
	{ 50058, TOKEN_FAIL_LOGIN, 0, sign_in },
	{ 50059, TOKEN_FAIL_CONFIG, 0, real_tenant },
	{ 50072, TOKEN_FAIL_LOGIN, 0, mfa },
	{ 50074, TOKEN_FAIL_LOGIN, 0, mfa },
	{ 50076, TOKEN_FAIL_LOGIN, 0, mfa },
	{ 50078, TOKEN_FAIL_LOGIN, 0, mfa },
	{ 50079, TOKEN_FAIL_LOGIN, 0, mfa },
	{ 50085, TOKEN_FAIL_LOGIN, 0, sign_in },
	{ 50087, TOKEN_FAIL_TRANSIENT, 0, "" },
	{ 50088, TOKEN_FAIL_TRANSIENT, 0, "" },
	{ 50089, TOKEN_FAIL_LOGIN, 0, sign_in },
	{ 50097, TOKEN_FAIL_CONFIG, 0, device_policy },
	{ 50105, TOKEN_FAIL_CONFIG, 0, not_assigned },
	{ 50126, TOKEN_FAIL_LOGIN, 0, bad_password },
	{ 50128, TOKEN_FAIL_CONFIG, 0, real_tenant },
	{ 50131, TOKEN_FAIL_CONFIG, 0, risk },
	{ 50132, TOKEN_FAIL_LOGIN, 0, sign_in },
	{ 50133, TOKEN_FAIL_LOGIN, 0, sign_in },
	{ 50134, TOKEN_FAIL_LOGIN, 0, restart },
	{ 50135, TOKEN_FAIL_LOGIN, 0, sign_in },
	{ 50139, TOKEN_FAIL_LOGIN, 0, sign_in },
	{ 50144, TOKEN_FAIL_LOGIN, 0, password_ended },
	{ 50155, TOKEN_FAIL_CONFIG, 0, device_policy },
	{ 50158, TOKEN_FAIL_LOGIN, 0, mfa },
	{ 50166, TOKEN_FAIL_TRANSIENT, 0, "" },
	{ 50173, TOKEN_FAIL_LOGIN, 0, revoked },
	{ 50194, TOKEN_FAIL_CONFIG, 0, real_tenant },
	{ 50196, TOKEN_FAIL_TRANSIENT, LOOP_MS, "" },
	{ 53000, TOKEN_FAIL_CONFIG, 0, device_policy },
	{ 53001, TOKEN_FAIL_CONFIG, 0, device_policy },
	{ 53002, TOKEN_FAIL_CONFIG, 0, access_policy },
	{ 53003, TOKEN_FAIL_CONFIG, 0, access_policy },
	{ 53004, TOKEN_FAIL_CONFIG, 0, access_policy },
	{ 53010, TOKEN_FAIL_CONFIG, 0, access_policy },
	{ 53011, TOKEN_FAIL_CONFIG, 0, risk },
	{ 54005, TOKEN_FAIL_LOGIN, 0, restart },
	{ 65001, TOKEN_FAIL_CONFIG, 0, no_consent },
	{ 65004, TOKEN_FAIL_LOGIN, 0, declined },
	{ 65005, TOKEN_FAIL_CONFIG, 0, permissions },
	{ 70000, TOKEN_FAIL_LOGIN, 0, sign_in },
	{ 70001, TOKEN_FAIL_CONFIG, 0, application_off },
	{ 70002, TOKEN_FAIL_CONFIG, 0, secret_wrong },
	{ 70003, TOKEN_FAIL_CONFIG, 0, grant },
	{ 70005, TOKEN_FAIL_CONFIG, 0, grant },
	{ 70008, TOKEN_FAIL_LOGIN, 0, unused },
	{ 70011, TOKEN_FAIL_CONFIG, 0, scope },
	{ 70012, TOKEN_FAIL_TRANSIENT, 0, "" },
	{ 70016, TOKEN_FAIL_TRANSIENT, 0, "" },
	{ 70018, TOKEN_FAIL_LOGIN, 0, restart },
	{ 70019, TOKEN_FAIL_LOGIN, 0, restart },
	{ 70021, TOKEN_FAIL_CONFIG, 0, federation },
	{ 70043, TOKEN_FAIL_LOGIN, 0, frequency },
	{ 80001, TOKEN_FAIL_TRANSIENT, 0, "" },
	{ 80002, TOKEN_FAIL_TRANSIENT, 0, "" },
	{ 80005, TOKEN_FAIL_TRANSIENT, 0, "" },
	{ 80014, TOKEN_FAIL_TRANSIENT, 0, "" },
	{ 90002, TOKEN_FAIL_CONFIG, 0, no_tenant },
	{ 90006, TOKEN_FAIL_TRANSIENT, 0, "" },
	{ 90008, TOKEN_FAIL_CONFIG, 0, permissions },
	{ 90012, TOKEN_FAIL_TRANSIENT, 0, "" },
	{ 90013, TOKEN_FAIL_CONFIG, 0, malformed },
	{ 90014, TOKEN_FAIL_CONFIG, 0, malformed },
	{ 90019, TOKEN_FAIL_CONFIG, 0, real_tenant },
	{ 90023, TOKEN_FAIL_CONFIG, 0, malformed },
	{ 90024, TOKEN_FAIL_TRANSIENT, 0, "" },
	{ 90033, TOKEN_FAIL_TRANSIENT, 0, "" },
	{ 90038, TOKEN_FAIL_CONFIG, 0, wrong_cloud },
	{ 90051, TOKEN_FAIL_CONFIG, 0, wrong_cloud },
	{ 90055, TOKEN_FAIL_TRANSIENT, 0, "" },
	{ 90090, TOKEN_FAIL_TRANSIENT, 0, "" },
	{ 90091, TOKEN_FAIL_TRANSIENT, 0, "" },
	{ 90094, TOKEN_FAIL_CONFIG, 0, permissions },
	{ 90095, TOKEN_FAIL_CONFIG, 0, permissions },
	{ 90100, TOKEN_FAIL_CONFIG, 0, malformed },
	{ 90119, TOKEN_FAIL_LOGIN, 0, restart },
	{ 90120, TOKEN_FAIL_LOGIN, 0, restart },
	{ 90124, TOKEN_FAIL_CONFIG, 0, real_tenant },
	{ 90130, TOKEN_FAIL_CONFIG, 0, real_tenant },
	{ 500011, TOKEN_FAIL_CONFIG, 0, resource },
	{ 500021, TOKEN_FAIL_CONFIG, 0, restricted },
	{ 500022, TOKEN_FAIL_CONFIG, 0, restricted },
	{ 500133, TOKEN_FAIL_CONFIG, 0, assertion },
	{ 501481, TOKEN_FAIL_CONFIG, 0, verifier },
	{ 530003, TOKEN_FAIL_CONFIG, 0, device_policy },
	{ 530032, TOKEN_FAIL_CONFIG, 0, access_policy },
	{ 530034, TOKEN_FAIL_CONFIG, 0, access_policy },
	{ 530035, TOKEN_FAIL_CONFIG, 0, security_defaults },
	{ 530036, TOKEN_FAIL_CONFIG, 0, device_code_policy },
	{ 650052, TOKEN_FAIL_CONFIG, 0, permissions },
	{ 650053, TOKEN_FAIL_CONFIG, 0, resource },
	{ 650054, TOKEN_FAIL_CONFIG, 0, resource },
	{ 650056, TOKEN_FAIL_CONFIG, 0, permissions },
	{ 650057, TOKEN_FAIL_CONFIG, 0, permissions },
	{ 700005, TOKEN_FAIL_LOGIN, 0, sign_in },
	{ 700011, TOKEN_FAIL_CONFIG, 0, no_application },
	{ 700016, TOKEN_FAIL_CONFIG, 0, no_application },
	{ 700020, TOKEN_FAIL_LOGIN, 0, sign_in },
	{ 700022, TOKEN_FAIL_CONFIG, 0, scope },
	{ 700023, TOKEN_FAIL_CONFIG, 0, scope },
	{ 700024, TOKEN_FAIL_CONFIG, 0, assertion_time },
	{ 700025, TOKEN_FAIL_CONFIG, 0, public_client },
	{ 700027, TOKEN_FAIL_CONFIG, 0, certificate },
	{ 700030, TOKEN_FAIL_CONFIG, 0, certificate },
	{ 700082, TOKEN_FAIL_LOGIN, 0, unused },
	{ 700084, TOKEN_FAIL_CONFIG, 0, single_page },
	{ 700211, TOKEN_FAIL_CONFIG, 0, federation },
	{ 700212, TOKEN_FAIL_CONFIG, 0, federation },
	{ 700213, TOKEN_FAIL_CONFIG, 0, federation },
	{ 900023, TOKEN_FAIL_CONFIG, 0, no_tenant },
	{ 900144, TOKEN_FAIL_CONFIG, 0, malformed },
	{ 900382, TOKEN_FAIL_CONFIG, 0, wrong_cloud },
	{ 900384, TOKEN_FAIL_CONFIG, 0, assertion },
	{ 900432, TOKEN_FAIL_CONFIG, 0, wrong_cloud },
	{ 900439, TOKEN_FAIL_CONFIG, 0, wrong_cloud },
	{ 901002, TOKEN_FAIL_CONFIG, 0, malformed },
	{ 1002012, TOKEN_FAIL_CONFIG, 0, scope_default },
	{ 7000112, TOKEN_FAIL_CONFIG, 0, application_off },
	{ 7000215, TOKEN_FAIL_CONFIG, 0, secret_wrong },
	{ 7000218, TOKEN_FAIL_CONFIG, 0, no_secret },
	{ 7000222, TOKEN_FAIL_CONFIG, 0, secret_expired },
	{ 7002137, TOKEN_FAIL_CONFIG, 0, federation },
	{ 7002138, TOKEN_FAIL_CONFIG, 0, federation },
	{ 9001023, TOKEN_FAIL_CONFIG, 0, real_tenant },
	{ 9002313, TOKEN_FAIL_CONFIG, 0, malformed },
	{ 9002332, TOKEN_FAIL_CONFIG, 0, real_tenant },
};

/* clang-format on */

const struct aadsts_row *aadsts_find(uint32_t code)
{
	size_t low = 0, high = ARRAY_LEN(rows);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (rows[middle].code == code)
			return &rows[middle];
		if (rows[middle].code < code)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct aadsts_row *aadsts_rows(size_t *count)
{
	*count = ARRAY_LEN(rows);
	return rows;
}
