/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_TESTS_UPSTREAM_LOGIN_H
#define OAUTHRELAY_TESTS_UPSTREAM_LOGIN_H

#include "tests/unit/upstream/fixture.h"

/* Steps of a server as Microsoft's (microsoft365.md 1.1), up to a session that is logged in. */

/* In parentheses, or clang-tidy takes their parts for steps without a comma. */
#define SASL                                                                                         \
	("C:dXNlcj1zY2FubmVyQGNvbnRvc28uY29tAWF1dGg9QmVhcmVyIEV3QkFBbDNCQUFVRkZwVUFvN0ozVmUwYmpMQld" \
	 "aV0NjbFJDM0VvQUEudkY5ZGZ0NHFtVGMyTnZiM1JsY2tCaGRIUmhkbWx6ZEdFdVkyOXRDZwEB")
#define SASL_BEARER                                                                                  \
	("C:bixhPXNjYW5uZXJAY29udG9zby5jb20sAWhvc3Q9cmVsYXkudGVzdAFwb3J0PTU4NwFhdXRoPUJlYXJlciBFd0J" \
	 "BQWwzQkFBVUZGcFVBbzdKM1ZlMGJqTEJXWldDY2xSQzNFb0FBLnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1s" \
	 "emRHRXVZMjl0Q2cBAQ==")
/* The same text behind another beginning. */
#define ECHO_OF_SASL(before)                                                                    \
	(before                                                                                 \
	 "dXNlcj1zY2FubmVyQGNvbnRvc28uY29tAWF1dGg9QmVhcmVyIEV3QkFBbDNCQUFVRkZwVUFvN0ozVmUwYmpM" \
	 "QldaV0NjbFJDM0VvQUEudkY5ZGZ0NHFtVGMyTnZiM1JsY2tCaGRIUmhkbWx6ZEdFdVkyOXRDZwEB")
#define GREETING "S:220 X.outlook.office365.com Microsoft ESMTP MAIL Service ready"
#define EHLO	 GREETING, "C:EHLO client.test"
#define TLS_UP                                                                           \
	EHLO, "S:250-X.outlook.office365.com Hello [127.0.0.1]", "S:250-SIZE 157286400", \
		"S:250-PIPELINING", "S:250-STARTTLS", "S:250 SMTPUTF8", "C:STARTTLS",    \
		"S:220 2.0.0 SMTP server ready", "TLS"
#define EHLO_TLS  TLS_UP, "C:EHLO client.test"
#define OFFERED	  EHLO_TLS, "S:250-X Hello", "S:250-PIPELINING", "S:250 AUTH LOGIN XOAUTH2"
#define ASKED	  OFFERED, "C:AUTH XOAUTH2"
#define GIVEN	  ASKED, "S:334 ", SASL
#define LOGGED_IN GIVEN, "S:235 2.7.0 Authentication successful"
#define BYE	  "C:QUIT", "S:221 2.0.0 bye", "EOF"

#define CONNECTED "connected " RELAY " TLSv1.*\n"
#define READY	  CONNECTED "authenticated\nready\n"

#endif
