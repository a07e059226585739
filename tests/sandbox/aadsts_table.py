# SPDX-License-Identifier: MIT
"""The AADSTS errors that the sandbox itself raises, with Microsoft's text as far as it is known."""

# code -> (HTTP status, error, description)
TABLE = {
    7000215: (401, "invalid_client", "Invalid client secret provided. Ensure the secret being "
              "sent in the request is the client secret value, not the client secret ID, for a "
              "secret added to app '{client}'."),
    7000222: (401, "invalid_client", "The provided client secret keys for app '{client}' are "
              "expired. Visit the Azure portal to create new keys for your app: "
              "https://aka.ms/NewClientSecret, or consider using certificate credentials for "
              "added security: https://aka.ms/certCreds."),
    7000218: (401, "invalid_client", "The request body must contain the following parameter: "
              "'client_assertion' or 'client_secret'."),
    7000112: (401, "unauthorized_client", "Application '{client}'(SMTP relay) is disabled."),
    700016: (400, "unauthorized_client", "Application with identifier '{client}' was not found in "
             "the directory '{tenant}'. This can happen if the application has not been installed "
             "by the administrator of the tenant or consented to by any user in the tenant. You "
             "may have sent your authentication request to the wrong tenant."),
    90002: (400, "invalid_request", "Tenant '{tenant}' not found. Check to make sure you have the "
            "correct tenant ID and are signing into the correct cloud. Check with your "
            "subscription administrator, this may happen if there are no active subscriptions for "
            "the tenant."),
    50059: (400, "invalid_request", "No tenant-identifying information found in either the "
            "request or implied by any provided credentials."),
    900144: (400, "invalid_request", "The request body must contain the following parameter: "
             "'{field}'."),
    900561: (400, "invalid_request", "The endpoint only accepts POST requests. Received a "
             "{field} request."),
    9002313: (400, "invalid_request", "Invalid request. Request is malformed or invalid."),
    70003: (400, "unsupported_grant_type", "The app requested an unsupported grant type "
            "'{field}'."),
    70011: (400, "invalid_scope", "The provided request must include a 'scope' input parameter. "
            "The provided value for the input parameter 'scope' is not valid. The scope {field} "
            "is not valid."),
    1002012: (400, "invalid_scope", "The provided value for scope {field} is not valid. Client "
              "credential flows must have a scope value with /.default suffixed to the resource "
              "identifier (application ID URI)."),
    500011: (400, "invalid_resource", "The resource principal named {field} was not found in the "
             "tenant named {tenant}. This can happen if the application has not been installed by "
             "the administrator of the tenant or consented to by any user in the tenant. You "
             "might have sent your authentication request to the wrong tenant."),
    700027: (401, "invalid_client", "The certificate with identifier used to sign the client "
             "assertion is not registered on application. [Reason - {field}, Please visit the "
             "Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for "
             "app Id '{client}'.]"),
    700024: (401, "invalid_client", "Client assertion is not within its valid time range. "
             "{field} Review the documentation at "
             "https://docs.microsoft.com/azure/active-directory/develop/"
             "active-directory-certificate-credentials ."),
    50027: (401, "invalid_client", "JWT token is invalid or malformed. [{field}]"),
    50048: (401, "invalid_client", "Subject must match Issuer claim in the client assertion."),
    50013: (401, "invalid_client", "Assertion failed signature validation. [Reason - {field}]"),
    70021: (401, "invalid_client", "No matching federated identity record found for presented "
            "assertion. Assertion Issuer: '{issuer}'. Assertion Subject: '{subject}'. Assertion "
            "Audience: '{audience}'."),
    700211: (401, "invalid_client", "No matching federated identity record found for presented "
             "assertion issuer '{issuer}'. Please check your federated identity credential "
             "Subject, Audience and Issuer against the presented assertion."),
    700212: (401, "invalid_client", "No matching federated identity record found for presented "
             "assertion audience '{audience}'. Please check your federated identity credential "
             "Subject, Audience and Issuer against the presented assertion."),
    700213: (401, "invalid_client", "No matching federated identity record found for presented "
             "assertion subject '{subject}'. Please check your federated identity credential "
             "Subject, Audience and Issuer against the presented assertion."),
    700025: (401, "invalid_client", "Client is public so neither 'client_assertion' nor "
             "'client_secret' should be presented."),
    50194: (400, "invalid_request", "Application '{client}'(SMTP relay) is not configured as a "
            "multi-tenant application. Usage of the /common endpoint is not supported for such "
            "apps created after '10/15/2018'. Use a tenant-specific endpoint or configure the "
            "application to be multi-tenant."),
    50020: (400, "invalid_grant", "User account '{field}' from identity provider 'live.com' does "
            "not exist in tenant and cannot access the application '{client}' in that tenant."),
    50034: (400, "invalid_grant", "The user account {field} does not exist in the directory."),
    50057: (400, "invalid_grant", "The user account is disabled."),
    65001: (400, "invalid_grant", "The user or administrator has not consented to use the "
            "application with ID '{client}' named 'SMTP relay'. Send an interactive "
            "authorization request for this user and resource."),
    700022: (400, "invalid_request", "The provided value for the input parameter scope is not "
             "valid because it contains more than one resource. Scope {field}"),
    700023: (400, "invalid_request", "The provided value for the input parameter scope is not "
             "valid because it does not contain a resource. Scope {field}"),
    70000: (400, "invalid_grant", "Provided grant is invalid or malformed."),
    70008: (400, "invalid_grant", "The provided authorization code or refresh token has expired "
            "due to inactivity. Send a new interactive authorization request for this user and "
            "resource."),
    700082: (400, "invalid_grant", "The refresh token has expired due to inactivity. The token "
             "was issued on 2026-01-01T00:00:00.0000000Z and was inactive for 90.00:00:00."),
    50173: (400, "invalid_grant", "The provided grant has expired due to it being revoked, a "
            "fresh auth token is needed. The user might have changed or reset their password."),
    70043: (400, "invalid_grant", "The refresh token has expired or is invalid due to sign-in "
            "frequency checks by conditional access."),
    50011: (400, "invalid_request", "The redirect URI '{field}' specified in the request does not "
            "match the redirect URIs configured for the application '{client}'. Make sure the "
            "redirect URI sent in the request matches one added to your application in the Azure "
            "portal. Navigate to https://aka.ms/redirectUriMismatchError to learn more about how "
            "to troubleshoot this error."),
    500112: (400, "invalid_grant", "The reply address '{field}' does not match the reply address "
             "provided when requesting Authorization code."),
    501481: (400, "invalid_grant", "The Code_Verifier does not match the code_challenge supplied "
             "in the authorization request."),
    54005: (400, "invalid_grant", "OAuth2 Authorization code was already redeemed, please retry "
            "with a new valid code or use an existing refresh token."),
    700005: (400, "invalid_grant", "Provided Authorization Code is intended to use against other "
             "tenant, thus rejected."),
    700054: (400, "unsupported_response_type", "response_type is not enabled for the "
             "application."),
    90023: (400, "invalid_request", "Unsupported '{field}' value."),
    50058: (400, "invalid_grant", "Session information is not sufficient for single-sign-on."),
    50105: (400, "invalid_grant", "Your administrator has configured the application SMTP relay "
            "('{client}') to block users unless they are specifically granted ('assigned') access "
            "to the application."),
    50076: (400, "invalid_grant", "Due to a configuration change made by your administrator, or "
            "because you moved to a new location, you must use multi-factor authentication to "
            "access '00000002-0000-0ff1-ce00-000000000000'."),
    50199: (400, "invalid_grant", "For security reasons, user confirmation is required for this "
            "request. Please repeat the request allowing user interaction."),
    530036: (400, "invalid_grant", "Your sign-in was blocked by Conditional Access policies on "
             "authentication flows. Device code flow is not allowed."),
    65004: (400, "access_denied", "User declined to consent to access the app."),
    70016: (400, "authorization_pending", "OAuth 2.0 device flow error. Authorization is pending. "
            "Continue polling."),
    70018: (400, "bad_verification_code", "The device_code sent is invalid."),
    70019: (400, "expired_token", "OAuth2 device code has expired. Restart the flow."),
    90120: (400, "invalid_grant", "The request was already authorized or declined."),
    50196: (400, "invalid_grant", "The server terminated an operation because it encountered a "
            "loop while processing a request."),
    90033: (503, "temporarily_unavailable", "A transient error has occurred. Please try again."),
    90055: (429, "temporarily_unavailable", "The server terminated an operation because it "
            "encountered too many requests from tenant '{tenant}'."),
    53003: (400, "invalid_grant", "Access has been blocked by Conditional Access policies. The "
            "access policy does not allow token issuance."),
}
