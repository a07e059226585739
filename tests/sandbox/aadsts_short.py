# SPDX-License-Identifier: MIT
"""The other AADSTS errors of microsoft365.md 4.12: the sandbox raises them by fault alone."""


def _all(status, error, texts):
    return {code: (status, error, text) for code, text in texts.items()}


SHORT = {
    **_all(401, "invalid_client", {
        70002: "The credentials of the client are invalid.",
        700030: "Invalid certificate - subject name in certificate is not authorized.",
        50012: "Authentication failed: the signature or the certificate's chain is invalid.",
        7002137: "No matching federated identity record found for the presented assertion.",
        7002138: "The federated identity credential's expression does not match the assertion.",
        700229: "Only app-only tokens can be used as federated identity credentials.",
    }),
    **_all(400, "invalid_client", {
        650052: "The app needs access to a service that your organization has not subscribed to "
                "or enabled.",
        650053: "The application asked for scope 'SMTP.Sent' that doesn't exist on the resource.",
        650054: "The application asked for permissions to access a resource that has been removed "
                "or is no longer available.",
        650056: "Misconfigured application. The client has not listed any permissions for the "
                "resource.",
        65005: "The application required resource access list does not contain applications "
               "discoverable by the resource.",
    }),
    **_all(400, "unauthorized_client", {
        70001: "The application named '{client}' was not found in the tenant named '{tenant}'.",
        700011: "The application with identifier '{client}' was not found in the directory.",
        90051: "Invalid national cloud identifier.",
    }),
    **_all(400, "invalid_request", {
        900023: "Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid "
                "external domain.",
        90038: "The tenant is in another national cloud; the request was sent to a wrong one.",
        900382: "Confidential Client is not supported in Cross Cloud request.",
        900384: "JWT token failed signature validation.",
        900432: "Confidential Client is not supported in Cross Cloud request.",
        900439: "USGClientNotSupportedOnPublicEndpoint: the application must use the endpoints of "
                "its cloud.",
        50049: "Unknown or invalid instance.",
        90013: "Invalid input received from the user.",
        90014: "The required field 'request' is missing from the credential.",
        90100: "The parameter is empty or not valid.",
        901002: "The 'resource' request parameter is not supported.",
        9001023: "The grant type is not supported over the /common or /consumers endpoints. "
                 "Please use the /organizations or tenant-specific endpoint.",
        9002332: "Application '{client}' is configured for use by Azure Active Directory users "
                 "only. Please do not use the /consumers endpoint to serve this request.",
        50128: "Invalid domain name - no tenant-identifying information found.",
        90019: "No tenant-identifying information found in either the request or credentials.",
        90124: "Resource is not supported over the /common or /consumers endpoints.",
        90130: "Application is not supported over the /common or /consumers endpoints.",
        90008: "The user or administrator has not consented to use the application, which needs "
               "to sign in and read the user's profile.",
        90119: "The user code is null or empty.",
    }),
    **_all(400, "invalid_scope", {
        28002: "Provided value for the input parameter scope can't be empty.",
        28003: "Provided value for the input parameter scope can't be empty when requesting an "
               "access token using the provided authorization code.",
    }),
    **_all(400, "invalid_resource", {
        50001: "The resource is disabled or does not exist.",
        650057: "Invalid resource. The client has requested access to a resource which is not "
                "listed in the requested permissions in the client's application registration.",
    }),
    **_all(400, "unsupported_response_type", {70005: "The response type is not supported."}),
    **_all(400, "access_denied", {
        500021: "Access to '{tenant}' tenant is denied.",
        500022: "Access to '{tenant}' tenant is denied.",
        50002: "Sign-in was blocked by a restricted proxy access on the tenant.",
        90094: "Admin consent is required for the permissions requested by this application.",
        90095: "Admin consent is required for the permissions requested by this application.",
    }),
    **_all(400, "interaction_required", {
        50074: "Strong authentication is required and the user did not pass the MFA challenge.",
        50097: "Device authentication is required.",
        50158: "External security challenge was not satisfied.",
    }),
    **_all(400, "invalid_grant", {
        500133: "Assertion is not within its valid time range.",
        50126: "Error validating credentials due to invalid username or password.",
        50053: "The account is locked, you've tried to sign in too many times with an incorrect "
               "user ID or password.",
        50055: "The password is expired.",
        50056: "Invalid or null password: password does not exist in the directory for this user.",
        50072: "Due to a configuration change made by your administrator, you must enroll in "
               "multi-factor authentication to access the resource.",
        50078: "Presented multi-factor authentication has expired due to policies configured by "
               "your administrator, you must refresh your multi-factor authentication.",
        50079: "Due to a configuration change made by your administrator, you must enroll in "
               "multi-factor authentication to access the resource.",
        50144: "The user's Active Directory password has expired.",
        53000: "Your device is required to be compliant to access this resource.",
        53001: "Your device is required to be domain joined to access this resource.",
        53002: "The application used is not an approved application for Conditional Access.",
        53004: "User needs to complete the multi-factor authentication registration process.",
        53010: "Can't configure multi-factor authentication methods from this location.",
        53011: "User blocked due to risk on home tenant.",
        530003: "Your device is required to be managed to access this resource.",
        530032: "Tenant security policy does not allow this request.",
        530034: "A delegated administrator was blocked from accessing the tenant.",
        530035: "Access has been blocked by security defaults.",
        50155: "Device authentication failed.",
        50131: "The device is not in the state required, or the request was suspicious and was "
               "blocked by Conditional Access.",
        50005: "The platform of the device is not supported by Conditional Access policy.",
        700084: "The refresh token was issued to a single page app (SPA), and therefore has a "
                "fixed, limited lifetime of 1.00:00:00, which can't be extended.",
        50085: "Refresh token needs social IDP login.",
        50089: "Authentication failed due to flow token expired.",
        50132: "The session is not valid: the password has expired or changed recently.",
        50133: "The session is not valid due to password expiration or recent password change.",
        50135: "Password change is required due to account risk.",
        50139: "The session is not valid due to missing an external refresh token.",
        50134: "The authentication attempt was made in the wrong data center.",
        700020: "The user must interact.",
    }),
    **_all(503, "temporarily_unavailable", {
        50033: "A transient error has occurred. Please try again.",
        50087: "A transient error has occurred during sign-in. Please try again.",
        50088: "Telecom limit was reached. Please try again.",
        50166: "Request to an external OIDC endpoint failed.",
        90006: "The service is temporarily unavailable. Please retry later.",
        90012: "The request to the server timed out.",
        90024: "A transient error has occurred. Please try again.",
        90090: "The service is temporarily unavailable: Graph was not reachable.",
        90091: "The service is temporarily unavailable: Graph retryable error.",
        40010: "A retryable error with the external identity provider.",
        80001: "Unable to connect to Active Directory: no authentication agent is available.",
        80002: "The authentication agent was unable to connect to Active Directory in time.",
    }),
    **_all(500, "server_error", {
        70012: "A server error occurred while authenticating a Microsoft account (consumer).",
        80005: "An unpredictable exception occurred while processing the response from the "
               "authentication agent.",
        80014: "Validation request responded after maximum elapsed time exceeded.",
    }),
}

# What goes with the error in `suberror` (MSAL's name for the kind of remedy).
SUBERRORS = {50072: "basic_action", 50076: "basic_action", 50079: "basic_action",
             50078: "basic_action", 53000: "additional_action", 53001: "additional_action",
             530003: "additional_action", 53003: "message_only", 50131: "message_only",
             65001: "consent_required", 50055: "user_password_expired", 50173: "bad_token",
             700082: "bad_token", 70008: "token_expired", 70043: "token_expired"}
